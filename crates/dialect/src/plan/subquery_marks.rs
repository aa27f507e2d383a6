//! `x IN (SELECT …)` and `EXISTS (SELECT …)` outside conditions, as in `count_if(x IN (SELECT y FROM t))`.
//!
//! DataFusion joins such subqueries in `WHERE` alone; here they become joins below a `SELECT` list, an aggregate or a
//! sort. `IN` is NULL where the value is NULL, or one of the query's is, and nothing is found; DataFusion takes that for
//! false, which `NOT` and `CASE` in a condition would tell from NULL, so these are joined here as well.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Subquery, lit, not, when,
};
use datafusion::optimizer::AnalyzerRule;

/// Joins subqueries to what stands below.
#[derive(Debug)]
pub(crate) struct SubqueryMarks;

impl AnalyzerRule for SubqueryMarks {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(with_marks).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "subquery_marks"
    }
}

fn with_marks(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let is_concerned = match &plan {
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Sort(_) => true,
        LogicalPlan::Filter(filter) => split_conjunction(&filter.predicate).into_iter().any(tells_null_from_false),
        _ => false,
    };
    if !is_concerned || !plan.expressions().iter().any(has_subquery) {
        return Ok(Transformed::no(plan));
    }
    let Some(input) = plan.inputs().first().map(|input| (*input).clone()) else { return Ok(Transformed::no(plan)) };
    let mut marks = Marks { input, joined: 0 };
    let names = NamePreserver::new(&plan);
    let settle = |expr: Expr| {
        if let LogicalPlan::Filter(_) = &plan {
            let conditions = split_conjunction_owned(expr).into_iter().map(|one| match tells_null_from_false(&one) {
                true => one.transform_up(|expr| marks.settle(expr)).map(|settled| settled.data),
                false => Ok(one),
            });
            return Ok(conjunction(conditions.collect::<Result<Vec<_>>>()?).unwrap_or_else(|| lit(true)));
        }
        let name = names.save(&expr);
        let settled = expr.transform_up(|expr| marks.settle(expr))?;
        Ok(name.restore(settled.data))
    };
    let exprs = plan.expressions().into_iter().map(settle).collect::<Result<Vec<_>>>()?;
    if marks.joined == 0 {
        return Ok(Transformed::no(plan));
    }
    let changed = plan.with_new_exprs(exprs, vec![marks.input])?;
    if changed.schema().fields().len() == plan.schema().fields().len() {
        return Ok(Transformed::yes(changed));
    }
    // A sort and a condition hand on all columns below.
    let columns = plan.schema().columns().into_iter().map(Expr::Column).collect();
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(changed))?)))
}

fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(matches!(expr, Expr::InSubquery(_) | Expr::Exists(_)))).unwrap_or_default()
}

/// Says whether a condition looks at a comparison with a subquery in a way that NULL and false are not the same to.
fn tells_null_from_false(condition: &Expr) -> bool {
    match condition {
        // DataFusion has joins for these alone.
        Expr::InSubquery(_) | Expr::Exists(_) => false,
        Expr::Not(inner) if matches!(inner.as_ref(), Expr::InSubquery(_) | Expr::Exists(_)) => false,
        other => !is_plain(other),
    }
}

fn is_plain(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            is_plain(left) && is_plain(right)
        }
        Expr::InSubquery(found) => !found.negated,
        other => !other.exists(|expr| Ok(matches!(expr, Expr::InSubquery(_)))).unwrap_or_default(),
    }
}

/// A plan, and the subqueries joined to it.
struct Marks {
    input: LogicalPlan,
    joined: usize,
}

impl Marks {
    fn settle(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        match expr {
            Expr::InSubquery(found) if is_alone(&found.subquery) && !found.expr.contains_outer() => {
                self.is_in(&found).map(Transformed::yes)
            }
            Expr::Exists(Exists { subquery, negated }) if is_alone(&subquery) => {
                let counts = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).limit(0, Some(1))?;
                let name = self.next_name();
                let counts =
                    counts.aggregate(Vec::<Expr>::new(), [count(lit(1)).alias("rows")])?.alias(&name)?.build()?;
                self.join_counts(counts)?;
                let is_there = column(&name, "rows").gt(lit(0_i64));
                Ok(Transformed::yes(if negated { not(is_there) } else { is_there }))
            }
            other => Ok(Transformed::no(other)),
        }
    }

    fn is_in(&mut self, found: &InSubquery) -> Result<Expr> {
        let values = found.subquery.subquery.as_ref();
        let Some(value) = values.schema().columns().first().cloned().map(Expr::Column) else {
            return Ok(Expr::InSubquery(found.clone()));
        };
        let (name, counts_name) = (self.next_name(), self.next_name());
        let rows = LogicalPlanBuilder::from(values.clone()).project([value.clone().alias("value")])?;
        let rows = rows.alias(&name)?.build()?;
        let is_equal = found.expr.as_ref().clone().eq(column(&name, "value"));
        let joined = LogicalPlanBuilder::from(self.input.clone()).join_on(rows, JoinType::LeftMark, [is_equal])?;
        self.input = joined.build()?;
        let counted = [count(lit(1)).alias("rows"), count(value).alias("values")];
        let counts = LogicalPlanBuilder::from(values.clone()).aggregate(Vec::<Expr>::new(), counted)?;
        self.join_counts(counts.alias(&counts_name)?.build()?)?;
        let (rows, known) = (column(&counts_name, "rows"), column(&counts_name, "values"));
        let is_open = known.lt(rows.clone()).or(found.expr.as_ref().clone().is_null().and(rows.gt(lit(0_i64))));
        when(column(&name, "mark"), lit(!found.negated))
            .when(is_open, lit(ScalarValue::Boolean(None)))
            .otherwise(lit(found.negated))
    }

    fn join_counts(&mut self, counts: LogicalPlan) -> Result<()> {
        self.input = LogicalPlanBuilder::from(self.input.clone()).cross_join(counts)?.build()?;
        Ok(())
    }

    fn next_name(&mut self) -> String {
        self.joined += 1;
        format!("__subquery_{}", self.joined)
    }
}

/// Says whether a subquery reads nothing of the row around.
fn is_alone(subquery: &Subquery) -> bool {
    subquery.outer_ref_columns.is_empty()
}

fn column(relation: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(relation), name))
}
