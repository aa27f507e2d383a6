//! `SELECT useridentity.*`: the members of a row as columns.
//!
//! See "All fields of a row" of `SELECT` in Trino's documentation (<https://trino.io/docs/current/sql/select.html>). The
//! rows are those of trailql's own relations, elements of their arrays, and casts, whose members are known before
//! planning.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, DataType, Expr, Ident, ObjectName, Select, SelectItem, SelectItemQualifiedWildcardKind, TableFactor,
    TableWithJoins, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::fold;

/// The members of each row, and of the rows of each array, by its lower-case name with dots.
pub type RowMembers = HashMap<String, Vec<String>>;

/// Puts a row's members for its `*`.
pub(super) fn expand_row_wildcards<T: VisitMut>(node: &mut T, rows: &RowMembers) {
    let _ = node.visit(&mut Selects { rows });
}

struct Selects<'a> {
    rows: &'a RowMembers,
}

impl VisitorMut for Selects<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let relations = Relations::of(&select.from);
        let items = std::mem::take(&mut select.projection);
        select.projection = items.into_iter().flat_map(|item| self.expanded(item, &relations)).collect();
        ControlFlow::Continue(())
    }
}

impl Selects<'_> {
    fn expanded(&self, item: SelectItem, relations: &Relations) -> Vec<SelectItem> {
        let members = match &item {
            SelectItem::QualifiedWildcard(kind, options) if *options == WildcardAdditionalOptions::default() => {
                match kind {
                    SelectItemQualifiedWildcardKind::ObjectName(name) => self.members_of_name(name, relations),
                    SelectItemQualifiedWildcardKind::Expr(expr) => self.members_of(expr, relations),
                }
            }
            _ => None,
        };
        members.unwrap_or_else(|| vec![item])
    }

    fn members_of_name(&self, name: &ObjectName, relations: &Relations) -> Option<Vec<SelectItem>> {
        let parts: Option<Vec<Ident>> = name.0.iter().map(|part| part.as_ident().cloned()).collect();
        self.members_of_path(&parts?, relations)
    }

    /// `(useridentity).*` and `CAST(x AS ROW(a bigint)).*`.
    fn members_of(&self, expr: &Expr, relations: &Relations) -> Option<Vec<SelectItem>> {
        match expr {
            Expr::Nested(inner) => self.members_of(inner, relations),
            Expr::Identifier(name) => self.members_of_path(std::slice::from_ref(name), relations),
            Expr::CompoundIdentifier(names) => self.members_of_path(names, relations),
            Expr::Cast { data_type: DataType::Struct(fields, _), .. } => {
                let member = |name: &Ident| SelectItem::ExprWithAlias {
                    expr: Expr::CompoundFieldAccess {
                        root: Box::new(expr.clone()),
                        access_chain: vec![AccessExpr::Dot(Expr::Identifier(name.clone()))],
                    },
                    alias: name.clone(),
                };
                fields.iter().map(|field| field.field_name.as_ref().map(member)).collect()
            }
            _ => None,
        }
    }

    fn members_of_path(&self, path: &[Ident], relations: &Relations) -> Option<Vec<SelectItem>> {
        let row = match path {
            [first] if relations.names.contains(&fold(first)) => return None,
            [first, column @ ..] if relations.names.contains(&fold(first)) => dotted(column),
            [first] if relations.unnested.contains_key(&fold(first)) => relations.unnested[&fold(first)].clone(),
            path => dotted(path),
        };
        let member = |name: &String| {
            let names = path.iter().cloned().chain([Ident::new(name)]).collect();
            SelectItem::ExprWithAlias { expr: Expr::CompoundIdentifier(names), alias: Ident::new(name) }
        };
        Some(self.rows.get(&row)?.iter().map(member).collect())
    }
}

/// What a `FROM` has that a name before `.*` may mean.
struct Relations {
    names: Vec<String>,
    /// Columns of `UNNEST(array)`, with the array's name.
    unnested: HashMap<String, String>,
}

impl Relations {
    fn of(from: &[TableWithJoins]) -> Self {
        let mut relations = Self { names: Vec::new(), unnested: HashMap::new() };
        for table in from {
            relations.add(&table.relation);
            table.joins.iter().for_each(|join| relations.add(&join.relation));
        }
        relations
    }

    fn add(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
                self.names.push(fold(&alias.name));
            }
            TableFactor::Table { name, .. } => {
                self.names.extend(name.0.last().and_then(|part| part.as_ident()).map(fold));
            }
            TableFactor::UNNEST { alias: Some(alias), array_exprs, .. } => {
                self.names.push(fold(&alias.name));
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
