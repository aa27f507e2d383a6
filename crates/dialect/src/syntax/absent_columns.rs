//! Columns of CloudTrail Lake whose values only the service has: they are NULL here, and a notice says so.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{DataType, Expr, Ident, Select, SelectItem, Value, VisitMut, VisitorMut};

use super::calls::cast;
use super::{Names, Notice, fold};

/// The columns, and why they are NULL.
const ABSENT: &[(&str, &str)] =
    &[("eventjsonchecksum", "CloudTrail Lake computes it; `trailql validate` checks log files by their digests")];

/// Puts NULL for such columns, where no table of the session has one of the name.
pub(super) fn settle_absent_columns<T: VisitMut>(node: &mut T, names: &Names) -> Vec<Notice> {
    if names.tables.events.is_none() {
        return Vec::new();
    }
    let mut settler = Settler { names, notices: Vec::new() };
    let _ = node.visit(&mut settler);
    settler.notices
}

struct Settler<'a> {
    names: &'a Names,
    notices: Vec<Notice>,
}

impl Settler<'_> {
    fn absent(&self, expr: &Expr) -> Option<&'static (&'static str, &'static str)> {
        let name = match expr {
            Expr::Identifier(name) => name,
            Expr::CompoundIdentifier(names) if names.len() == 2 => &names[1],
            _ => return None,
        };
        let name = fold(name).to_lowercase();
        let is_there = self.names.own_columns.contains(&name) || self.names.session_columns.contains(&name);
        ABSENT.iter().find(|(absent, _)| *absent == name && !is_there)
    }
}

impl VisitorMut for Settler<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some((name, _)) = self.absent(expr)
            {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new(*name) };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some((name, reason)) = self.absent(expr) {
            *expr = cast(&Expr::Value(Value::Null.into()), DataType::Varchar(None));
            let notice = Notice::ColumnAbsent { column: (*name).to_owned(), reason: (*reason).to_owned() };
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
        ControlFlow::Continue(())
    }
}
