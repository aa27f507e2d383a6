//! Rows of columns: `(a, b) = (1, 2)`, `(a, b) IN (SELECT x, y …)` and `GROUP BY (a, b)`.
//!
//! DataFusion takes two NULLs in rows for equal; in SQL such a comparison is NULL, as that of the NULLs is.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, UnaryOperator,
};

use super::calls::{binary, call, name, null_if_any_is, parenthesized, plain_args};

/// The members of a row that is spelled out.
fn members(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Nested(inner) => members(inner),
        Expr::Tuple(values) => Some(values.clone()),
        Expr::Function(function) if matches!(name(function).as_str(), "row" | "struct") => plain_args(function),
        _ => None,
    }
}

/// `(a, b) = (c, d)` is `a = c AND b = d`.
pub(super) fn row_comparison(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    let is_negated = match op {
        BinaryOperator::Eq => false,
        BinaryOperator::NotEq => true,
        _ => return None,
    };
    Some(negated_if(equal(left, right)?, is_negated))
}

/// `(a, b) IN ((c, d), …)`: one of the rows.
pub(super) fn row_in_list(expr: &Expr, list: &[Expr], negated: bool) -> Option<Expr> {
    let each = list.iter().map(|item| equal(expr, item)).collect::<Option<Vec<_>>>()?;
    let any = each.into_iter().reduce(|any, one| binary(&any, BinaryOperator::Or, &one))?;
    Some(negated_if(parenthesized(any), negated))
}

fn equal(left: &Expr, right: &Expr) -> Option<Expr> {
    let (left, right) = (members(left)?, members(right)?);
    if left.len() != right.len() {
        return None;
    }
    let pairs = left.iter().zip(&right);
    let each = pairs.map(|(left, right)| {
        parenthesized(binary(&parenthesized(left.clone()), BinaryOperator::Eq, &parenthesized(right.clone())))
    });
    each.reduce(|all, one| binary(&all, BinaryOperator::And, &one)).map(parenthesized)
}

fn negated_if(expr: Expr, is_negated: bool) -> Expr {
    if is_negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) } } else { expr }
}

/// Compares rows, where several values are looked for in a subquery. A row with a NULL is in none.
pub(super) fn in_rows(expr: Expr, mut subquery: Box<Query>, negated: bool) -> Expr {
    if let (false, Expr::Tuple(values), SetExpr::Select(select)) = (negated, &expr, subquery.body.as_mut())
        && values.len() == select.projection.len()
        && let Some(columns) = select.projection.iter().map(column).collect::<Option<Vec<_>>>()
    {
        let row = |members: &[Expr]| null_if_any_is(call("struct", members.to_vec()), members);
        select.projection = vec![SelectItem::UnnamedExpr(row(&columns))];
        return Expr::InSubquery { expr: Box::new(row(values)), subquery, negated };
    }
    Expr::InSubquery { expr: Box::new(expr), subquery, negated }
}

fn column(item: &SelectItem) -> Option<Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr.clone()),
        _ => None,
    }
}

/// `GROUP BY (a, b)` is `GROUP BY a, b`.
pub(super) fn spread_keys(select: &mut Select) {
    let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return };
    let spread = std::mem::take(keys).into_iter().flat_map(|key| match key {
        Expr::Tuple(keys) => keys,
        key => vec![key],
    });
    keys.extend(spread.collect::<Vec<_>>());
}
