//! `FROM` and `FETCH`: what the planner takes one relation at a time is put together for it.
//!
//! `a CROSS JOIN UNNEST(a.x) AS t(e)` becomes one nested join, `(a CROSS JOIN UNNEST(a.x) AS t(e))`, which
//! `plan::unnest` plans; DataFusion itself has no physical plan for it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, LimitClause, Query, Select, TableFactor, TableSample,
    TableSampleKind, TableSampleMethod, TableSampleQuantity, TableWithJoins, Value, VisitMut, VisitorMut,
};

use super::calls::call;

/// Rewrites the `FROM` clauses and limits of a statement.
pub(super) fn settle_from_clauses<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut FromClauses);
}

struct FromClauses;

impl VisitorMut for FromClauses {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        settle_fetch(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        select.from.iter_mut().flat_map(|from| &mut from.joins).for_each(settle_semi_join);
        sample(select);
        gather_unnests(&mut select.from);
        ControlFlow::Continue(())
    }
}

/// DuckDB's `SEMI JOIN` and `ANTI JOIN` are of the left side.
fn settle_semi_join(join: &mut Join) {
    join.join_operator = match join.join_operator.clone() {
        JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint),
        JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint),
        other => other,
    };
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn settle_fetch(query: &mut Query) {
    let Some(fetch) = query.fetch.take_if(|fetch| !fetch.with_ties && !fetch.percent) else { return };
    let quantity = fetch.quantity.unwrap_or_else(|| Expr::Value(Value::Number("1".to_owned(), false).into()));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(quantity),
        Some(_) => {}
        none => *none = Some(LimitClause::LimitOffset { limit: Some(quantity), offset: None, limit_by: Vec::new() }),
    }
}

/// `TABLESAMPLE BERNOULLI (p)` keeps each row with that chance; `SYSTEM`, which may keep or drop whole files, is taken
/// the same way.
fn sample(select: &mut Select) {
    let factors = select.from.iter_mut().flat_map(|from| {
        std::iter::once(&mut from.relation).chain(from.joins.iter_mut().map(|join| &mut join.relation))
    });
    let mut kept = Vec::new();
    for factor in factors {
        let TableFactor::Table { sample, .. } = factor else { continue };
        let taken = sample.take_if(|sample| percentage(sample).is_some());
        kept.extend(taken.as_ref().and_then(percentage));
    }
    for percentage in kept {
        let hundredth = Expr::BinaryOp {
            left: Box::new(percentage),
            op: BinaryOperator::Divide,
            right: Box::new(Expr::Value(Value::Number("100.0".to_owned(), false).into())),
        };
        let chance = Expr::BinaryOp {
            left: Box::new(call("random", Vec::new())),
            op: BinaryOperator::Lt,
            right: Box::new(hundredth),
        };
        select.selection = Some(match select.selection.take() {
            None => chance,
            Some(condition) => Expr::BinaryOp {
                left: Box::new(Expr::Nested(Box::new(condition))),
                op: BinaryOperator::And,
                right: Box::new(chance),
            },
        });
    }
}

fn percentage(sample: &TableSampleKind) -> Option<Expr> {
    let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
    match sample.as_ref() {
        TableSample {
            name: Some(TableSampleMethod::Bernoulli | TableSampleMethod::System),
            quantity: Some(TableSampleQuantity { value, .. }),
            seed: None,
            ..
        } => Some(value.clone()),
        _ => None,
    }
}

/// Puts each `UNNEST` together with all that stands left of it.
fn gather_unnests(from: &mut Vec<TableWithJoins>) {
    let mut gathered: Vec<TableWithJoins> = Vec::new();
    for mut table in std::mem::take(from) {
        // `FROM a, UNNEST(a.x)` is a cross join.
        if is_unnest(&table.relation)
            && let Some(mut left) = gathered.pop()
        {
            let join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
            left.joins.push(Join { relation: table.relation, global: false, join_operator });
            left.joins.append(&mut table.joins);
            table = left;
        }
        gathered.push(nest_unnests(table));
    }
    *from = gathered;
}

fn nest_unnests(table: TableWithJoins) -> TableWithJoins {
    let mut gathered = TableWithJoins { relation: table.relation, joins: Vec::new() };
    for join in table.joins {
        if !is_unnest(&join.relation) {
            gathered.joins.push(join);
            continue;
        }
        let left = if gathered.joins.is_empty() { gathered.relation } else { nested(gathered) };
        let pair = TableWithJoins { relation: left, joins: vec![join] };
        gathered = TableWithJoins { relation: nested(pair), joins: Vec::new() };
    }
    gathered
}

fn nested(table: TableWithJoins) -> TableFactor {
    TableFactor::NestedJoin { table_with_joins: Box::new(table), alias: None }
}

fn is_unnest(factor: &TableFactor) -> bool {
    matches!(factor, TableFactor::UNNEST { .. })
}
