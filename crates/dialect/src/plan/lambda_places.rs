//! Parameters of lambdas, kept apart from the columns around them.
//!
//! DataFusion counts a lambda's parameters on from the columns of its input, `v@3` over three columns. Its rules then
//! join projections or move them, renumber columns and leave parameters as they are, so that `v@3` is some column of
//! a wider input, and the query fails. This rule runs ahead of them and gives parameters numbers no column has.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::expressions::LambdaVariable;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{NestedLoopJoinExec, NestedLoopJoinExecBuilder};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;

use super::whole_call::with_whole_calls;

/// More than a relation has columns.
const FIRST_PLACE: usize = 1_000_000;

/// Gives the parameters of lambdas places behind all columns.
#[derive(Debug)]
pub(crate) struct LambdaPlaces;

impl PhysicalOptimizerRule for LambdaPlaces {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(with_places).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "lambda_places"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn with_places(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let changed = if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        projected(projection)?
    } else if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        filtered(filter)?
    } else if let Some(sort) = plan.downcast_ref::<SortExec>() {
        sorted(sort)?
    } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        joined(join)?
    } else {
        None
    };
    Ok(changed.map_or_else(|| Transformed::no(plan), Transformed::yes))
}

fn projected(projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let exprs = each(projection.expr().iter().map(|one| &one.expr))?;
    let Some(exprs) = exprs else { return Ok(None) };
    let aliases = projection.expr().iter().map(|one| one.alias.clone());
    let exprs = exprs.into_iter().zip(aliases).map(|(expr, alias)| ProjectionExpr { expr, alias });
    Ok(Some(Arc::new(ProjectionExec::try_new(exprs, Arc::clone(projection.input()))?)))
}

fn filtered(filter: &FilterExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let predicate = placed(filter.predicate())?;
    if !predicate.transformed {
        return Ok(None);
    }
    Ok(Some(Arc::new(FilterExecBuilder::from(filter).with_predicate(predicate.data).build()?)))
}

fn sorted(sort: &SortExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(exprs) = each(sort.expr().iter().map(|one| &one.expr))? else { return Ok(None) };
    let keys = sort.expr().iter().zip(exprs).map(|(key, expr)| {
        let mut key = key.clone();
        key.expr = expr;
        key
    });
    let Some(order) = LexOrdering::new(keys) else { return Ok(None) };
    let changed = SortExec::new(order, Arc::clone(sort.input()))
        .with_preserve_partitioning(sort.preserve_partitioning())
        .with_fetch(sort.fetch());
    Ok(Some(Arc::new(changed)))
}

fn joined(join: &NestedLoopJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(filter) = join.filter() else { return Ok(None) };
    let condition = placed(filter.expression())?;
    if !condition.transformed {
        return Ok(None);
    }
    let condition = with_whole_calls(condition.data)?;
    let filter = JoinFilter::new(condition, filter.column_indices().to_vec(), Arc::clone(filter.schema()));
    let changed = NestedLoopJoinExecBuilder::new(Arc::clone(join.left()), Arc::clone(join.right()), *join.join_type())
        .with_projection_ref(join.projection().clone())
        .with_filter(Some(filter))
        .build()?;
    Ok(Some(Arc::new(changed)))
}

/// The expressions with their lambdas' parameters in place; `None` where there are none.
fn each<'a>(exprs: impl Iterator<Item = &'a Arc<dyn PhysicalExpr>>) -> Result<Option<Vec<Arc<dyn PhysicalExpr>>>> {
    let placed = exprs.map(placed).collect::<Result<Vec<_>>>()?;
    let is_changed = placed.iter().any(|expr| expr.transformed);
    Ok(is_changed.then(|| placed.into_iter().map(|expr| expr.data).collect()))
}

fn placed(expr: &Arc<dyn PhysicalExpr>) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
    Arc::clone(expr).transform_up(|expr| {
        let Some(variable) = expr.downcast_ref::<LambdaVariable>().filter(|variable| variable.index() < FIRST_PLACE)
        else {
            return Ok(Transformed::no(expr));
        };
        let place = FIRST_PLACE + variable.index();
        Ok(Transformed::yes(Arc::new(LambdaVariable::new(place, Arc::clone(variable.field())))))
    })
}
