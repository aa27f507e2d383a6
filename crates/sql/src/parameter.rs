//! Values for `$name` in SQL.
//!
//! A value comes as text and takes the type that its place in the query asks for: in `eventtime > $since` a timestamp,
//! in `LIMIT $n` a number, and text where nothing asks for more.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::common::ParamValues;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, Statement};
use datafusion::scalar::ScalarValue;

use crate::catalog::type_name;
use crate::error::SqlError;

/// Named values, by lower-case name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    values: HashMap<String, String>,
}

impl Parameters {
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.trim_start_matches('$').to_lowercase(), value.to_owned());
    }

    /// Puts the values into `plan`. A `PREPARE` keeps its placeholders.
    pub(crate) fn bind(&self, plan: LogicalPlan) -> Result<LogicalPlan, BindError> {
        if matches!(&plan, LogicalPlan::Statement(Statement::Prepare(_))) {
            return Ok(plan);
        }
        let mut values = HashMap::new();
        for (id, data_type) in placeholders(&plan)? {
            let name = id.trim_start_matches('$');
            let Some(text) = self.values.get(&name.to_lowercase()) else {
                return Err(SqlError::MissingParameter { name: name.to_owned() }.into());
            };
            let value = typed(name, text, data_type)?;
            values.insert(name.to_owned(), ScalarAndMetadata::from(value));
        }
        if values.is_empty() {
            return Ok(plan);
        }
        Ok(plan.with_param_values(ParamValues::Map(values))?)
    }
}

/// Why [`Parameters::bind`] failed.
pub(crate) enum BindError {
    Parameter(SqlError),
    Plan(DataFusionError),
}

impl From<SqlError> for BindError {
    fn from(error: SqlError) -> Self {
        Self::Parameter(error)
    }
}

impl From<DataFusionError> for BindError {
    fn from(error: DataFusionError) -> Self {
        Self::Plan(error)
    }
}

/// Collects the placeholders with the type that their place asks for.
///
/// One name may stand in places of several types, which DataFusion refuses; then the value stays text, and each
/// place coerces it.
fn placeholders(plan: &LogicalPlan) -> Result<HashMap<String, Option<DataType>>, DataFusionError> {
    let mut found: HashMap<String, Option<DataType>> = HashMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for expr in limit.skip.iter().chain(&limit.fetch) {
                note_placeholders(expr, Some(&DataType::Int64), &mut found)?;
            }
            return Ok(TreeNodeRecursion::Continue);
        }
        node.apply_expressions(|expr| {
            note_placeholders(expr, None, &mut found)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

fn note_placeholders(
    expr: &Expr,
    default: Option<&DataType>,
    found: &mut HashMap<String, Option<DataType>>,
) -> Result<(), DataFusionError> {
    expr.apply(|expr| {
        if let Expr::Placeholder(placeholder) = expr {
            let wanted = placeholder.field.as_ref().map(|field| field.data_type()).or(default).cloned();
            found
                .entry(placeholder.id.clone())
                .and_modify(|known| {
                    if *known != wanted {
                        *known = None;
                    }
                })
                .or_insert(wanted);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn typed(name: &str, text: &str, wanted: Option<DataType>) -> Result<ScalarValue, SqlError> {
    let Some(wanted) = wanted.filter(|data_type| !data_type.is_string() && !data_type.is_null()) else {
        return Ok(ScalarValue::from(text));
    };
    ScalarValue::try_from_string(text.to_owned(), &wanted).map_err(|_| SqlError::ParameterType {
        name: name.to_owned(),
        value: text.to_owned(),
        wanted: type_name(&wanted),
    })
}
