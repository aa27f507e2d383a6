//! Names of columns of a subquery that are members of rows or of JSON: `SELECT useridentity.arn` gives a column `arn`.
//!
//! DataFusion names it `useridentity[arn]`, by which a query around cannot call it. The columns of an answer are named
//! once they are all known.

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Ident, Select, SelectItem, VisitMut};

use super::relations::{Relation, Scope, change_selects};
use super::{Names, fold};

/// Names such columns of queries within others.
pub(super) fn settle_member_names<T: VisitMut>(node: &mut T, names: &Names) {
    change_selects(node, names, |select, scope| {
        if scope.is_within() && select.projection.iter().any(|item| member(item).is_some()) {
            name_members(select, scope);
        }
    });
}

fn name_members(select: &mut Select, scope: &Scope<'_>) {
    let relations = scope.relations(&select.from);
    let is_relation = |name: &Ident| {
        relations.iter().filter_map(|relation| relation.name.as_ref()).any(|one| fold(one) == fold(name))
    };
    let mut taken = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) | SelectItem::ExprWithAlias { alias: name, .. } => {
                taken.push(fold(name));
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) if names.len() == 2 && is_relation(&names[0]) => {
                taken.push(fold(&names[1]));
            }
            SelectItem::UnnamedExpr(_) => {}
            // Two columns of a name are an error.
            _ => match relations.iter().map(Relation::shown).collect::<Option<Vec<_>>>() {
                Some(shown) => taken.extend(shown.concat()),
                None => return,
            },
        }
    }
    for item in &mut select.projection {
        let Some((first, name)) = member(item) else { continue };
        let is_column = matches!(item, SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) if names.len() == 2)
            && first.is_some_and(|first| is_relation(&first));
        let alias = Ident::with_quote('"', fold(&name));
        if is_column || taken.contains(&alias.value) {
            continue;
        }
        taken.push(alias.value.clone());
        if let SelectItem::UnnamedExpr(expr) = item {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

/// The member that an unnamed column is, and the name that its path begins with.
fn member(item: &SelectItem) -> Option<(Option<Ident>, Ident)> {
    match item {
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => {
            Some((names.first().cloned(), names.last()?.clone()))
        }
        SelectItem::UnnamedExpr(Expr::CompoundFieldAccess { access_chain, .. }) => match access_chain.last()? {
            AccessExpr::Dot(Expr::Identifier(name)) => Some((None, name.clone())),
            _ => None,
        },
        _ => None,
    }
}
