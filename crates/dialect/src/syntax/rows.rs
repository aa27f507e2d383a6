//! Rows of columns: `(a, b) IN (SELECT x, y …)` and `GROUP BY (a, b)`.

use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, Query, Select, SelectItem, SetExpr};

use super::calls::call;

/// Compares rows, where several values are looked for in a subquery.
pub(super) fn in_rows(expr: Expr, mut subquery: Box<Query>, negated: bool) -> Expr {
    if let (Expr::Tuple(values), SetExpr::Select(select)) = (&expr, subquery.body.as_mut())
        && values.len() == select.projection.len()
        && let Some(columns) = select.projection.iter().map(column).collect::<Option<Vec<_>>>()
    {
        select.projection = vec![SelectItem::UnnamedExpr(call("struct", columns))];
        let expr = Box::new(call("struct", values.clone()));
        return Expr::InSubquery { expr, subquery, negated };
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
