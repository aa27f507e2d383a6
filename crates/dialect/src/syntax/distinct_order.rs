//! `SELECT DISTINCT lower(x) … ORDER BY lower(x)`: keys that are columns of the result, by their places.
//!
//! DataFusion looks for the columns within a key among those of the result, and not for the key.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Distinct, Expr, OrderByKind, Query, SelectItem, SetExpr, VisitMut, VisitorMut};

use super::calls::number;

/// Puts the places of such keys.
pub(super) fn settle_distinct_orders<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Queries);
}

struct Queries;

impl VisitorMut for Queries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_ref()
            && matches!(select.distinct, Some(Distinct::Distinct))
            && let Some(OrderByKind::Expressions(keys)) = query.order_by.as_mut().map(|order| &mut order.kind)
        {
            for key in keys.iter_mut().filter(|key| !matches!(key.expr, Expr::Identifier(_) | Expr::Value(_))) {
                if let Some(place) = place(&key.expr, &select.projection) {
                    key.expr = number(place);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The place of a column that is this expression; `None` behind a `*`, which hides how many there are.
fn place(expr: &Expr, columns: &[SelectItem]) -> Option<u32> {
    let wanted = expr.to_string();
    let is_one = |item: &&SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    let is_meant = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(column) | SelectItem::ExprWithAlias { expr: column, .. } => {
            column.to_string() == wanted
        }
        _ => false,
    };
    let place = columns.iter().take_while(is_one).position(is_meant)?;
    u32::try_from(place + 1).ok()
}
