//! Members of rows of the query around: `c.useridentity.arn` in a subquery of a query over `c`.
//!
//! DataFusion plans such a name for a column, but not for a member of one; so the member is taken by a subscript,
//! `c.useridentity['arn']`.

use std::collections::HashSet;
use std::iter;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Query, SetExpr, Subscript, TableFactor, Value, VisitMut, VisitorMut,
};

use super::fold;

/// Rewrites such names.
pub(super) fn settle_outer_members<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Scopes::default());
}

/// The names of the relations of each query around, the innermost last.
#[derive(Default)]
struct Scopes {
    relations: Vec<HashSet<String>>,
}

impl VisitorMut for Scopes {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut names = HashSet::new();
        add_relations(&query.body, &mut names);
        self.relations.push(names);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.relations.pop();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::CompoundIdentifier(names) = expr else { return ControlFlow::Continue(()) };
        let Some((innermost, around)) = self.relations.split_last() else { return ControlFlow::Continue(()) };
        let relation = names.first().map(fold).unwrap_or_default();
        let is_outer = !innermost.contains(&relation) && around.iter().any(|names| names.contains(&relation));
        if names.len() > 2 && is_outer {
            let members = names.split_off(2);
            let member = |name| Expr::Value(Value::SingleQuotedString(fold(name)).into());
            let access_chain =
                members.iter().map(|name| AccessExpr::Subscript(Subscript::Index { index: member(name) })).collect();
            let root = Box::new(Expr::CompoundIdentifier(std::mem::take(names)));
            *expr = Expr::CompoundFieldAccess { root, access_chain };
        }
        ControlFlow::Continue(())
    }
}

fn add_relations(body: &SetExpr, names: &mut HashSet<String>) {
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { left, right, .. } => {
            add_relations(left, names);
            return add_relations(right, names);
        }
        _ => return,
    };
    let factors = select
        .from
        .iter()
        .flat_map(|table| iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation)));
    names.extend(factors.filter_map(name));
}

fn name(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => Some(fold(&alias.name)),
        TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()).map(fold),
        _ => None,
    }
}
