//! Names that a `SELECT` list gives, used in the list itself and in `WHERE`, as DuckDB lets them be.
//!
//! `SELECT lower(eventname) AS e FROM cloudtrail_logs WHERE e LIKE 'put%'`: a column of the name comes first, and where
//! the columns are not known, the name is left as it is.

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Ident, Select, SelectItem, VisitMut};

use super::calls::parenthesized;
use super::own_exprs::change_own_exprs;
use super::relations::{Relation, Scope, change_selects};
use super::{Names, fold};

/// Puts the expressions for such names.
pub(super) fn settle_select_aliases<T: VisitMut>(node: &mut T, names: &Names) {
    change_selects(node, names, settle);
}

fn settle(select: &mut Select, scope: &Scope<'_>) {
    if !select.projection.iter().any(|item| matches!(item, SelectItem::ExprWithAlias { .. })) {
        return;
    }
    let relations = scope.relations(&select.from);
    let Some(taken) = relations.iter().map(names_of).collect::<Option<Vec<_>>>() else { return };
    let taken = taken.concat();
    let mut aliases = Vec::new();
    for item in &mut select.projection {
        if let SelectItem::ExprWithAlias { expr, alias } = item {
            change_own_exprs(expr, |expr| put(expr, &aliases));
            let name = fold(alias);
            if !taken.contains(&name) {
                aliases.push((name, expr.clone()));
            }
        }
    }
    if let Some(condition) = &mut select.selection {
        change_own_exprs(condition, |expr| put(expr, &aliases));
    }
}

/// The names that mean a relation or one of its columns.
fn names_of(relation: &Relation) -> Option<Vec<String>> {
    let mut names = relation.columns.clone()?;
    names.extend(relation.name.as_ref().map(fold));
    Some(names)
}

fn put(expr: &mut Expr, aliases: &[(String, Expr)]) {
    let meant = |name: &Ident| aliases.iter().rev().find(|(alias, _)| *alias == fold(name)).map(|(_, meant)| meant);
    match expr {
        Expr::Identifier(name) => {
            if let Some(meant) = meant(name) {
                *expr = grouped(meant);
            }
        }
        // A member of a row.
        Expr::CompoundIdentifier(names) => {
            if let Some((first, rest)) = names.split_first()
                && let Some(meant) = meant(first)
            {
                *expr = with_members(meant, rest);
            }
        }
        _ => {}
    }
}

fn with_members(row: &Expr, members: &[Ident]) -> Expr {
    match row {
        Expr::Identifier(name) => Expr::CompoundIdentifier([std::slice::from_ref(name), members].concat()),
        Expr::CompoundIdentifier(names) => Expr::CompoundIdentifier([names, members].concat()),
        row => {
            let member = |name: &Ident| AccessExpr::Dot(Expr::Identifier(name.clone()));
            let access_chain = members.iter().map(member).collect();
            Expr::CompoundFieldAccess { root: Box::new(grouped(row)), access_chain }
        }
    }
}

fn grouped(expr: &Expr) -> Expr {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Function(_) | Expr::Nested(_) => {
            expr.clone()
        }
        expr => parenthesized(expr.clone()),
    }
}
