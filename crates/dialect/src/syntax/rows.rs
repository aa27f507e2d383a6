//! Rows of columns: `(a, b) = (1, 2)`, `(a, b) IN (SELECT x, y …)` and `GROUP BY (a, b)`.
//!
//! DataFusion takes two NULLs in rows for equal; in SQL such a comparison is NULL, as that of the NULLs is.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, UnaryOperator, Value,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::TrinoDialect;
use super::calls::{binary, call, if_else, name, null_if_any_is, parenthesized, plain_args};

/// DataFusion's function of a row.
const ROW: &str = "struct";

/// The members of a row that is spelled out.
fn members(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Nested(inner) => members(inner),
        Expr::Tuple(values) => Some(values.clone()),
        Expr::Function(function) if matches!(name(function).as_str(), "row" | ROW) => plain_args(function),
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

/// Settles comparisons with the rows of a subquery that a condition joins by `AND`, where NULL and false are the same.
pub(super) fn settle_condition(condition: &mut Expr) {
    match condition {
        Expr::Nested(inner) => settle_condition(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            settle_condition(left);
            settle_condition(right);
        }
        Expr::InSubquery { expr, subquery, negated: false } => {
            if let Some(found) = among(expr, subquery) {
                *condition = found;
            }
        }
        Expr::InSubquery { expr, subquery, negated: true } => {
            if let Some(members) = members(expr)
                && let (Some(found), Some(maybe)) =
                    (exists(&members, subquery, is_equal), exists(&members, subquery, may_be_equal))
            {
                // The first is quick and leaves few rows to the second.
                *condition = binary(&negated_if(found, true), BinaryOperator::And, &negated_if(maybe, true));
            }
        }
        _ => {}
    }
}

/// A comparison of rows as DataFusion's own `IN`. A row with a NULL is in none.
fn among(expr: &Expr, subquery: &Query) -> Option<Expr> {
    let (values, mut subquery) = (members(expr)?, Box::new(subquery.clone()));
    let SetExpr::Select(select) = subquery.body.as_mut() else { return None };
    let columns = select.projection.iter().map(column).collect::<Option<Vec<_>>>()?;
    // A group or a name in `ORDER BY` may be one of the columns.
    if columns.len() != values.len() || subquery.order_by.is_some() {
        return None;
    }
    let row = |members: &[Expr]| null_if_any_is(call(ROW, members.to_vec()), members);
    select.projection = vec![SelectItem::UnnamedExpr(row(&columns))];
    Some(Expr::InSubquery { expr: Box::new(row(&values)), subquery, negated: false })
}

/// A comparison with the rows of a subquery, anywhere: true, false, or NULL where one of them may be equal.
pub(super) fn in_rows(expr: Expr, subquery: Box<Query>, negated: bool) -> Expr {
    let verdict = |verdict: bool| Expr::Value(Value::Boolean(verdict).into());
    let verdicts = members(&expr)
        .and_then(|members| Some((exists(&members, &subquery, is_equal)?, exists(&members, &subquery, may_be_equal)?)));
    match verdicts {
        Some((found, maybe)) => {
            let otherwise = if_else(&maybe, &Expr::Value(Value::Null.into()), Some(&verdict(negated)));
            if_else(&found, &verdict(!negated), Some(&otherwise))
        }
        None => Expr::InSubquery { expr: Box::new(expr), subquery, negated },
    }
}

/// Whether a row of a subquery meets a condition that compares its columns with these values.
fn exists(values: &[Expr], subquery: &Query, condition: fn(&Expr, &Expr) -> Expr) -> Option<Expr> {
    let columns: Vec<Ident> = (1..=values.len()).map(|place| Ident::new(format!("__column_{place}"))).collect();
    let names: Vec<String> = columns.iter().map(Ident::to_string).collect();
    let frame = format!("SELECT 1 FROM (SELECT 1) AS __rows ({})", names.join(", "));
    let mut frame = Parser::new(&TrinoDialect).try_with_sql(&frame).ok()?.parse_query().ok()?;
    let SetExpr::Select(select) = frame.body.as_mut() else { return None };
    if let Some(TableFactor::Derived { subquery: rows, .. }) = select.from.first_mut().map(|from| &mut from.relation) {
        **rows = subquery.clone();
    }
    let pairs = values.iter().zip(columns);
    let each = pairs.map(|(value, column)| parenthesized(condition(value, &Expr::Identifier(column))));
    select.selection = each.reduce(|all, one| binary(&all, BinaryOperator::And, &one));
    Some(Expr::Exists { subquery: frame, negated: false })
}

fn is_equal(value: &Expr, column: &Expr) -> Expr {
    binary(&parenthesized(value.clone()), BinaryOperator::Eq, column)
}

fn may_be_equal(value: &Expr, column: &Expr) -> Expr {
    let is_null = |expr: &Expr| Expr::IsNull(Box::new(parenthesized(expr.clone())));
    let either = binary(&is_null(value), BinaryOperator::Or, &is_null(column));
    binary(&is_equal(value, column), BinaryOperator::Or, &either)
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
