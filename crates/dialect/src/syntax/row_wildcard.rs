//! `SELECT useridentity.*`: the members of a row as columns.
//!
//! See "All fields of a row" of `SELECT` in Trino's documentation (<https://trino.io/docs/current/sql/select.html>). The
//! rows are those of trailql's own relations, elements of their arrays, casts, and rows that a subquery spells out: their
//! members are known before planning.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, ObjectName, SelectItem, SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins,
    VisitMut, WildcardAdditionalOptions,
};

use super::relations::{Relation, change_selects};
use super::row_members::members;
use super::{Names, fold};

/// The members of each row, and of the rows of each array, by its lower-case name with dots.
pub type RowMembers = HashMap<String, Vec<String>>;

/// Puts a row's members for its `*`.
pub(super) fn expand_row_wildcards<T: VisitMut>(node: &mut T, names: &Names) {
    change_selects(node, names, |select, scope| {
        let is_concerned = |item: &SelectItem| matches!(item, SelectItem::QualifiedWildcard(..));
        if select.projection.iter().any(is_concerned) {
            let rows = &names.row_members;
            let relations = Relations { named: Named::of(&select.from), known: scope.relations(&select.from), rows };
            let items = std::mem::take(&mut select.projection);
            select.projection = items.into_iter().flat_map(|item| relations.expanded(item)).collect();
        }
    });
}

/// What a `FROM` has, and the rows of trailql's own columns.
struct Relations<'a> {
    named: Named,
    known: Vec<Relation>,
    rows: &'a RowMembers,
}

impl Relations<'_> {
    fn expanded(&self, item: SelectItem) -> Vec<SelectItem> {
        let members = match &item {
            SelectItem::QualifiedWildcard(kind, options) if *options == WildcardAdditionalOptions::default() => {
                match kind {
                    SelectItemQualifiedWildcardKind::ObjectName(name) => self.members_of_name(name),
                    SelectItemQualifiedWildcardKind::Expr(expr) => self.members_of(expr),
                }
            }
            _ => None,
        };
        members.unwrap_or_else(|| vec![item])
    }

    fn members_of_name(&self, name: &ObjectName) -> Option<Vec<SelectItem>> {
        let parts: Option<Vec<Ident>> = name.0.iter().map(|part| part.as_ident().cloned()).collect();
        self.members_of_path(&parts?)
    }

    /// `(useridentity).*`, `CAST(x AS ROW(a bigint)).*` and `{'a': 1}.*`.
    fn members_of(&self, expr: &Expr) -> Option<Vec<SelectItem>> {
        match expr {
            Expr::Nested(inner) => self.members_of(inner),
            Expr::Identifier(name) => self.members_of_path(std::slice::from_ref(name)),
            Expr::CompoundIdentifier(names) => self.members_of_path(names),
            row => {
                let member = |name: &String| SelectItem::ExprWithAlias {
                    expr: Expr::CompoundFieldAccess {
                        root: Box::new(row.clone()),
                        access_chain: vec![AccessExpr::Dot(Expr::Identifier(quoted(name)))],
                    },
                    alias: quoted(name),
                };
                Some(members(row, &self.known, self.rows)?.iter().map(member).collect())
            }
        }
    }

    fn members_of_path(&self, path: &[Ident]) -> Option<Vec<SelectItem>> {
        let member = |name: &String| {
            let names = path.iter().cloned().chain([quoted(name)]).collect();
            SelectItem::ExprWithAlias { expr: Expr::CompoundIdentifier(names), alias: quoted(name) }
        };
        let members = match path {
            [first] if self.named.relations.contains(&fold(first)) => return None,
            [first] if self.named.unnested.contains_key(&fold(first)) => {
                self.rows.get(&self.named.unnested[&fold(first)]).cloned()
            }
            [name] => members(&Expr::Identifier(name.clone()), &self.known, self.rows),
            path => members(&Expr::CompoundIdentifier(path.to_vec()), &self.known, self.rows),
        };
        Some(members?.iter().map(member).collect())
    }
}

/// A name just as it is; trailql's own are in lower case and need no quotes.
fn quoted(name: &str) -> Ident {
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { Ident::new(name) } else { Ident::with_quote('"', name) }
}

/// What a `FROM` has that a name before `.*` may mean.
struct Named {
    relations: Vec<String>,
    /// Columns of `UNNEST(array)`, with the array's name.
    unnested: HashMap<String, String>,
}

impl Named {
    fn of(from: &[TableWithJoins]) -> Self {
        let mut relations = Self { relations: Vec::new(), unnested: HashMap::new() };
        for table in from {
            relations.add(&table.relation);
            table.joins.iter().for_each(|join| relations.add(&join.relation));
        }
        relations
    }

    fn add(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
                self.relations.push(fold(&alias.name));
            }
            TableFactor::Table { name, .. } => {
                self.relations.extend(name.0.last().and_then(|part| part.as_ident()).map(fold));
            }
            TableFactor::UNNEST { alias: Some(alias), array_exprs, .. } => {
                self.relations.push(fold(&alias.name));
                let arrays = array_exprs.iter().map(|array| match array {
                    Expr::Identifier(name) => dotted(std::slice::from_ref(name)),
                    // Behind the relation's name, if it has one.
                    Expr::CompoundIdentifier(names) => dotted(&names[names.len().saturating_sub(1)..]),
                    _ => String::new(),
                });
                self.unnested.extend(alias.columns.iter().map(|column| fold(&column.name)).zip(arrays));
            }
            _ => {}
        }
    }
}

fn dotted(names: &[Ident]) -> String {
    names.iter().map(|name| fold(name).to_lowercase()).collect::<Vec<_>>().join(".")
}
