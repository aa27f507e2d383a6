//! Columns that one `SELECT` gives two names, as `SELECT eventid AS a, eventid AS b`.
//!
//! DataFusion's rule that pushes members of structs towards the scan adds the columns that a query needs to the
//! projection below by their first names, such a column twice, and then fails for the repetition. It leaves alone what
//! is more than a column, which an alias within an alias is.

use std::collections::HashMap;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::Alias;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The rule that this one has to come before.
pub(crate) const BEFORE: &str = "extract_leaf_expressions";

/// Hides repeated columns from the rule that trips over them.
#[derive(Debug)]
pub(crate) struct RepeatedColumns;

impl OptimizerRule for RepeatedColumns {
    fn name(&self) -> &str {
        "repeated_columns"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Projection(projection) = plan else { return Ok(Transformed::no(plan)) };
        let mut counts: HashMap<&Column, usize> = HashMap::new();
        projection.expr.iter().filter_map(column).for_each(|column| *counts.entry(column).or_default() += 1);
        if counts.values().all(|count| *count == 1) {
            return Ok(Transformed::no(LogicalPlan::Projection(projection)));
        }
        let is_repeated = |expr: &Expr| column(expr).is_some_and(|column| counts[column] > 1);
        let hidden = |expr: &Expr| match expr {
            Expr::Alias(alias) if is_repeated(expr) => {
                let inner = alias.expr.as_ref().clone().alias(alias.name.clone());
                Expr::Alias(Alias { expr: Box::new(inner), ..alias.clone() })
            }
            _ => expr.clone(),
        };
        let exprs = projection.expr.iter().map(hidden).collect();
        let rewritten = Projection::try_new_with_schema(exprs, projection.input, projection.schema)?;
        Ok(Transformed::yes(LogicalPlan::Projection(rewritten)))
    }
}

/// The column that an expression is, under whatever name.
fn column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => match alias.expr.as_ref() {
            Expr::Column(column) => Some(column),
            _ => None,
        },
        _ => None,
    }
}
