//! Lambdas in what a window or an aggregate is ordered or divided by, as in
//! `row_number() OVER (ORDER BY cardinality(filter(l, x -> x > 1)))`.
//!
//! DataFusion sorts by such a key and then does not see that the rows are sorted; so the key becomes a column.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, Window};
use datafusion::optimizer::AnalyzerRule;

/// Gives a column to such a key.
#[derive(Debug)]
pub(crate) struct LambdaKeys;

impl AnalyzerRule for LambdaKeys {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(with_columns).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "lambda_keys"
    }
}

fn with_columns(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let (exprs, input) = match &plan {
        LogicalPlan::Window(window) => (&window.window_expr, &window.input),
        LogicalPlan::Aggregate(aggregate) => (&aggregate.aggr_expr, &aggregate.input),
        _ => return Ok(Transformed::no(plan)),
    };
    let mut keys = Vec::new();
    let changed = exprs.iter().map(|expr| with_keys(expr.clone(), &mut keys)).collect::<Result<Vec<_>>>()?;
    if keys.is_empty() {
        return Ok(Transformed::no(plan));
    }
    let columns = input.schema().columns().into_iter().map(Expr::Column);
    let input =
        Arc::new(LogicalPlan::Projection(Projection::try_new(columns.chain(keys).collect(), Arc::clone(input))?));
    let new = match &plan {
        LogicalPlan::Aggregate(aggregate) => {
            LogicalPlan::Aggregate(Aggregate::try_new(input, aggregate.group_expr.clone(), changed.clone())?)
        }
        _ => LogicalPlan::Window(Window::try_new(changed.clone(), input)?),
    };
    // What stands above knows the columns by their names.
    let made = plan.schema().columns().len() - changed.len();
    let column = |(place, (qualifier, field)): (usize, (Option<&_>, &Arc<_>))| match place.checked_sub(made) {
        None => Expr::Column(Column::from((qualifier, field))),
        Some(place) => {
            let name = Column::from((qualifier, field)).name;
            Expr::Column(Column::new_unqualified(changed[place].schema_name().to_string())).alias(name)
        }
    };
    let columns = plan.schema().iter().enumerate().map(column).collect();
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(new))?)))
}

fn with_keys(expr: Expr, keys: &mut Vec<Expr>) -> Result<Expr> {
    let changed = expr.transform_down(|expr| {
        Ok(match expr {
            Expr::WindowFunction(mut window) => {
                window.params.partition_by.iter_mut().for_each(|key| settle(key, keys));
                settle_sorts(&mut window.params.order_by, keys);
                Transformed::yes(Expr::WindowFunction(window))
            }
            Expr::AggregateFunction(mut aggregate) => {
                settle_sorts(&mut aggregate.params.order_by, keys);
                Transformed::yes(Expr::AggregateFunction(aggregate))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(changed.data)
}

fn settle_sorts(sorts: &mut [Sort], keys: &mut Vec<Expr>) {
    sorts.iter_mut().for_each(|sort| settle(&mut sort.expr, keys));
}

/// Puts a column for a key with a lambda.
fn settle(key: &mut Expr, keys: &mut Vec<Expr>) {
    let has_lambda = key.exists(|expr| Ok(matches!(expr, Expr::HigherOrderFunction(_)))).unwrap_or_default();
    if has_lambda && !key.contains_outer() {
        let name = format!("__lambda_key_{}", keys.len());
        let column = Expr::Column(Column::new_unqualified(name.clone()));
        keys.push(std::mem::replace(key, column).alias(name));
    }
}
