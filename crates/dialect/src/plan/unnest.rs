//! `UNNEST` of arrays, maps and JSON in `FROM`, beside the relation whose columns it names.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Column, DFSchema, NullHandling, Result, UnnestOptions, plan_err};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions_nested::expr_fn::gen_series;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Join, JoinConstraint, JoinOperator, TableAlias, TableFactor, TableWithJoins, Value,
};

use crate::functions;
use crate::json::{json_cast, json_field};

/// Column of `WITH ORDINALITY` where no alias names it.
const ORDINALITY: &str = "ordinality";

/// The member of `resources` that Athena's table has not.
const LAKE_ONLY_MEMBER: &str = "arnprefix";

/// Plans `UNNEST`, alone or as the right side of the join that `syntax::from_clause` gathers.
#[derive(Debug)]
pub(crate) struct UnnestPlanner;

impl RelationPlanner for UnnestPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        match relation {
            TableFactor::UNNEST { .. } => {
                let input = LogicalPlanBuilder::empty(true);
                planned(unnest(input, relation, NullHandling::Drop, context)?)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } if joins_unnest(&table_with_joins) => {
                let TableWithJoins { relation: left, mut joins } = *table_with_joins;
                let Some(join) = joins.pop() else { return plan_err!("a join has two sides") };
                let nulls = null_handling(&join)?;
                let input = LogicalPlanBuilder::from(context.plan(left)?);
                planned(unnest(input, join.relation, nulls, context)?)
            }
            other => Ok(RelationPlanning::Original(Box::new(other))),
        }
    }
}

fn planned(builder: LogicalPlanBuilder) -> Result<RelationPlanning> {
    Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(builder.build()?, None))))
}

fn joins_unnest(table: &TableWithJoins) -> bool {
    matches!(table.joins.as_slice(), [Join { relation: TableFactor::UNNEST { .. }, .. }])
}

/// A left join keeps rows without elements.
fn null_handling(join: &Join) -> Result<NullHandling> {
    let is_true = |constraint: &JoinConstraint| match constraint {
        JoinConstraint::On(SqlExpr::Value(value)) => value.value == Value::Boolean(true),
        JoinConstraint::None => true,
        _ => false,
    };
    match &join.join_operator {
        JoinOperator::CrossJoin(_) => Ok(NullHandling::Drop),
        JoinOperator::Inner(on) | JoinOperator::Join(on) if is_true(on) => Ok(NullHandling::Drop),
        JoinOperator::Left(on) | JoinOperator::LeftOuter(on) if is_true(on) => Ok(NullHandling::PreserveAndExpandEmpty),
        _ => {
            plan_err!("UNNEST is joined with CROSS JOIN, or with LEFT JOIN … ON TRUE; put other conditions into WHERE")
        }
    }
}

/// One column of lists that is unnested, and what becomes of its elements.
struct Lists {
    expr: Expr,
    element: FieldRef,
}

fn unnest(
    input: LogicalPlanBuilder,
    relation: TableFactor,
    nulls: NullHandling,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlanBuilder> {
    let TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } = relation else {
        return plan_err!("UNNEST is expected here");
    };
    let schema = Arc::clone(input.schema());
    let mut lists = Vec::new();
    let arguments = array_exprs.len();
    let names_wanted =
        alias.as_ref().map_or(0, |alias| alias.columns.len()).saturating_sub(usize::from(with_ordinality));
    for array in array_exprs {
        let array = context.sql_to_expr(array, &schema)?;
        // Two names for one JSON text are those of a key and a value.
        let is_map = arguments == 1 && names_wanted == 2 && array.get_type(&schema)?.is_string();
        lists.extend(if is_map { entries_of(&array)? } else { lists_of(array, &schema)? });
    }
    if with_ordinality {
        lists.push(ordinality(&lists)?);
    }
    let names: Vec<String> = (0..lists.len()).map(|index| format!("__unnest_{index}")).collect();
    let kept: Vec<Expr> = schema.columns().into_iter().map(Expr::Column).collect();
    let unnested = lists.iter().zip(&names).map(|(list, name)| list.expr.clone().alias(name));
    let columns: Vec<Column> = names.iter().map(Column::from_name).collect();
    let options = UnnestOptions::new().with_null_handling(nulls);
    let plan = input.project(kept.iter().cloned().chain(unnested))?.unnest_columns_with_options(columns, options)?;
    let outputs = outputs(&lists, &names, alias.as_ref(), with_ordinality, context)?;
    plan.project(kept.into_iter().chain(outputs))
}

/// The keys and the values of JSON text, as CloudTrail Lake has them in a map.
fn entries_of(json: &Expr) -> Result<Vec<Lists>> {
    let part = |function: &str| -> Result<Lists> {
        let Some(part) = functions::scalar(function) else { return plan_err!("{function} is no function") };
        let element = Arc::new(Field::new_list_field(DataType::Utf8, true));
        Ok(Lists { expr: part.call(vec![json.clone()]), element })
    };
    Ok(vec![part("map_keys")?, part("map_values")?])
}

/// The lists of one argument: itself, or the keys and the values of a map. JSON text is an array of JSON.
fn lists_of(expr: Expr, schema: &DFSchema) -> Result<Vec<Lists>> {
    let part = |function: &str, element: &FieldRef| -> Result<Lists> {
        let Some(function) = functions::scalar(function) else { return plan_err!("{function} is no function") };
        Ok(Lists { expr: function.call(vec![expr.clone()]), element: Arc::clone(element) })
    };
    match expr.get_type(schema)? {
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
            Ok(vec![Lists { expr, element }])
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => Ok(vec![part("map_keys", &fields[0])?, part("map_values", &fields[1])?]),
            other => plan_err!("a map has entries of a key and a value, not {other}"),
        },
        text if text.is_string() => {
            let element = json_field(Field::LIST_FIELD_DEFAULT_NAME);
            let list = Field::new("", DataType::List(Arc::clone(&element)), true);
            Ok(vec![Lists { expr: json_cast(expr, Arc::new(list)), element }])
        }
        other => plan_err!("UNNEST takes an array, a map or JSON text, not {other}"),
    }
}

/// A list of 1, 2, … as long as the longest of `lists`.
fn ordinality(lists: &[Lists]) -> Result<Lists> {
    let Some(cardinality) = functions::scalar("cardinality") else { return plan_err!("UNNEST takes an argument") };
    let lengths = lists.iter().map(|list| cardinality.call(vec![list.expr.clone()])).collect();
    let longest = datafusion::functions::core::expr_fn::greatest(lengths);
    let series = gen_series(lit(1_i64), longest, lit(1_i64));
    Ok(Lists { expr: series, element: Arc::new(Field::new_list_field(DataType::Int64, true)) })
}

/// The columns of the result: one per list, or the members of an array's rows where the alias has a name for each.
fn outputs(
    lists: &[Lists],
    names: &[String],
    alias: Option<&TableAlias>,
    with_ordinality: bool,
    context: &dyn RelationPlannerContext,
) -> Result<Vec<Expr>> {
    let aliases: Vec<String> = alias
        .iter()
        .flat_map(|alias| &alias.columns)
        .map(|column| context.normalize_ident(column.name.clone()))
        .collect();
    let columns = expanded(lists, names, aliases.len(), with_ordinality);
    if !aliases.is_empty() && aliases.len() != columns.len() {
        return plan_err!("UNNEST gives {} columns, but its alias names {}", columns.len(), aliases.len());
    }
    let qualifier = alias.map(|alias| context.normalize_ident(alias.name.clone()));
    let named = columns.into_iter().enumerate().map(|(index, (expr, own_name))| {
        let name = aliases.get(index).cloned().unwrap_or(own_name);
        match &qualifier {
            Some(qualifier) => expr.alias_qualified(Some(qualifier.as_str()), name),
            None => expr.alias(name),
        }
    });
    Ok(named.collect())
}

/// Takes rows apart into their members, unless the alias has one name for each list.
fn expanded(lists: &[Lists], names: &[String], wanted: usize, with_ordinality: bool) -> Vec<(Expr, String)> {
    let column = |name: &String| Expr::Column(Column::from_name(name));
    let rows = |list: &Lists| match list.element.data_type() {
        DataType::Struct(fields) => Some(fields.clone()),
        _ => None,
    };
    let all: usize = lists.iter().map(|list| rows(list).map_or(1, |fields| fields.len())).sum();
    if wanted == lists.len() && wanted != all {
        return names.iter().map(|name| (column(name), String::new())).collect();
    }
    let mut out = Vec::new();
    for (index, (list, name)) in lists.iter().zip(names).enumerate() {
        match rows(list) {
            Some(fields) => out.extend(
                members(&fields, wanted < all && wanted > 0)
                    .map(|member| (get_field(column(name), member.name().as_str()), member.name().clone())),
            ),
            None => {
                let is_ordinality = with_ordinality && index + 1 == lists.len();
                out.push((column(name), if is_ordinality { ORDINALITY.to_owned() } else { format!("col{index}") }));
            }
        }
    }
    out
}

/// The members of a row, as Athena's table has them where the query has no name for one more.
fn members(fields: &Fields, as_in_athena: bool) -> impl Iterator<Item = &FieldRef> {
    fields.iter().filter(move |field| !(as_in_athena && field.name() == LAKE_ONLY_MEMBER))
}
