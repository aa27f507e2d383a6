//! Aggregates in subqueries that are tied to the row around by more than a column, as in
//! `(SELECT count(*) FROM t WHERE t.useridentity.arn = c.useridentity.arn)`.
//!
//! DataFusion makes a join of such a subquery where the condition compares a plain column of it; so what is compared
//! becomes one.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Aggregate, BinaryExpr, Expr, Filter, LogicalPlan, Operator, Projection};
use datafusion::optimizer::AnalyzerRule;

/// Gives a column to what a subquery compares with the row around.
#[derive(Debug)]
pub(crate) struct CorrelatedKeys;

impl AnalyzerRule for CorrelatedKeys {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(with_keys).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "correlated_keys"
    }
}

fn with_keys(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
    let LogicalPlan::Filter(filter) = aggregate.input.as_ref() else { return Ok(Transformed::no(plan)) };
    let mut keys = Vec::new();
    let conditions = split_conjunction_owned(filter.predicate.clone());
    let conditions = conditions.into_iter().map(|condition| with_key(condition, &mut keys)).collect::<Vec<_>>();
    if keys.is_empty() {
        return Ok(Transformed::no(plan));
    }
    let columns = filter.input.schema().columns().into_iter().map(Expr::Column);
    let input = Projection::try_new(columns.chain(keys).collect(), Arc::clone(&filter.input))?;
    let Some(predicate) = conjunction(conditions) else { return Ok(Transformed::no(plan)) };
    let filter = Filter::try_new(predicate, Arc::new(LogicalPlan::Projection(input)))?;
    let (groups, aggregates) = (aggregate.group_expr.clone(), aggregate.aggr_expr.clone());
    let aggregate = Aggregate::try_new(Arc::new(LogicalPlan::Filter(filter)), groups, aggregates)?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(aggregate)))
}

/// Puts a new column for the side of an equation that is the subquery's own.
fn with_key(condition: Expr, keys: &mut Vec<Expr>) -> Expr {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return condition };
    let (left, right) = match (is_outer(&left), is_outer(&right)) {
        (true, false) => (left, key_of(right, keys)),
        (false, true) => (key_of(left, keys), right),
        _ => (left, right),
    };
    Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right })
}

/// Says whether an expression is of the row around alone.
fn is_outer(expr: &Expr) -> bool {
    expr.contains_outer() && !expr.any_column_refs()
}

fn key_of(expr: Box<Expr>, keys: &mut Vec<Expr>) -> Box<Expr> {
    if matches!(*expr, Expr::Column(_)) || expr.contains_outer() || !expr.any_column_refs() {
        return expr;
    }
    let name = format!("__correlated_{}", keys.len());
    keys.push(expr.alias(name.clone()));
    Box::new(Expr::Column(Column::new_unqualified(name)))
}
