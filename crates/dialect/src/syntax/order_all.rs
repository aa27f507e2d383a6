//! DuckDB's `ORDER BY ALL`: every column of the result, from left to right.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, VisitMut, VisitorMut,
};

use super::calls::number;

/// Puts the places of the columns; where a `*` hides how many there are, DataFusion takes them as they are.
pub(super) fn settle_order_all<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Queries);
}

struct Queries;

impl VisitorMut for Queries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(order) = &mut query.order_by
            && let OrderByKind::All(options) = &order.kind
            && let Some(count) = first_select(&query.body).and_then(columns)
        {
            let options = *options;
            let key = |place| OrderByExpr { expr: number(place), options, with_fill: None };
            order.kind = OrderByKind::Expressions((1..=count).map(key).collect());
        }
        ControlFlow::Continue(())
    }
}

fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

/// How many columns a `SELECT` gives, where no `*` is in it.
fn columns(select: &Select) -> Option<u32> {
    let is_one = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    if select.projection.iter().all(is_one) { u32::try_from(select.projection.len()).ok() } else { None }
}
