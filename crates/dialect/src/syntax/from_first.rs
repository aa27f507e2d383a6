//! DuckDB's `FROM t` without a `SELECT`, which gives all columns.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Select, SelectFlavor, SelectItem, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

/// Puts the `*` that is left out.
pub(super) fn settle_from_first<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Selects);
}

struct Selects;

impl VisitorMut for Selects {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.flavor == SelectFlavor::FromFirstNoSelect && select.projection.is_empty() {
            select.projection.push(SelectItem::Wildcard(WildcardAdditionalOptions::default()));
            select.flavor = SelectFlavor::Standard;
        }
        ControlFlow::Continue(())
    }
}
