//! Names of result columns that the query does not name.
//!
//! A column goes by the text of its expression, as written. Trino lets two columns have one name, DataFusion does not:
//! the second gets a number.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, VisitMut, VisitorMut};

use super::columns_call::has_columns_call;

/// Names the unnamed columns of every `SELECT`; the text is still as written.
pub(super) fn settle_column_names<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut ColumnNames);
}

struct ColumnNames;

impl VisitorMut for ColumnNames {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut taken = HashSet::new();
        for item in &mut select.projection {
            let Some((written, is_named)) = written_name(item) else { continue };
            let name = unused(&written, &taken);
            if let SelectItem::UnnamedExpr(expr) = item
                && (!is_named || name != written)
            {
                let expr = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
                *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', &name) };
            }
            taken.insert(name);
        }
        ControlFlow::Continue(())
    }
}

/// The name of a column, and whether the planner gives it that name itself.
fn written_name(item: &SelectItem) -> Option<(String, bool)> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some((super::fold(name), true)),
        // Each column that it is made for gives its name.
        SelectItem::UnnamedExpr(expr) if has_columns_call(expr) => None,
        // The names of members are settled once all columns are known.
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. }) => None,
        // DataFusion's own name for it.
        SelectItem::UnnamedExpr(expr) if expr.to_string() == "count(*)" => Some(("count(*)".to_owned(), true)),
        SelectItem::UnnamedExpr(expr) => Some((expr.to_string(), false)),
        SelectItem::ExprWithAlias { alias, .. } => Some((super::fold(alias), true)),
        _ => None,
    }
}

/// A name that is not taken: itself, or with a number behind it.
pub(super) fn unused(name: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    (1..).map(|number| format!("{name}_{number}")).find(|name| !taken.contains(name)).unwrap_or_default()
}
