//! A virtual column gives way to a column that the query itself makes under the same name.
//!
//! `FROM cloudtrail_logs CROSS JOIN UNNEST(resources) AS t(arn, accountid, type)` has one `accountid` in Athena, whose
//! table has none of its own; here it would be one too many.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use super::fold;
use super::wildcard::WideRelations;

/// Qualifies the names of such columns.
pub(super) fn prefer_made_columns<T: VisitMut>(node: &mut T, wide: &WideRelations) {
    let _ = node.visit(&mut Selects { wide });
}

struct Selects<'a> {
    wide: &'a WideRelations,
}

impl VisitorMut for Selects<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let factors = || {
            let tables = select.from.iter();
            tables.flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)))
        };
        let is_virtual = |name: &str| {
            factors()
                .filter_map(|factor| self.virtual_columns(factor))
                .any(|columns| columns.iter().any(|column| column == name))
        };
        let mut makers: HashMap<String, Option<Ident>> = HashMap::new();
        for (maker, name) in factors().flat_map(made) {
            // Made twice, it is ambiguous in Athena as well.
            makers.entry(name).and_modify(|known| *known = None).or_insert(Some(maker));
        }
        makers.retain(|name, maker| maker.is_some() && is_virtual(name));
        if !makers.is_empty() {
            let _ = select.visit(&mut Qualifier { makers, depth: 0 });
        }
        ControlFlow::Continue(())
    }
}

impl Selects<'_> {
    fn virtual_columns(&self, factor: &TableFactor) -> Option<&Vec<String>> {
        let TableFactor::Table { name, args: None, .. } = factor else { return None };
        self.wide.get(&fold(name.0.last()?.as_ident()?))
    }
}

/// Names of the columns that a relation of the query makes, with the relation's.
fn made(factor: &TableFactor) -> Vec<(Ident, String)> {
    let (alias, own) = match factor {
        TableFactor::UNNEST { alias: Some(alias), .. } => (alias, Vec::new()),
        TableFactor::Derived { alias: Some(alias), subquery, .. } => (alias, outputs(&subquery.body)),
        _ => return Vec::new(),
    };
    let TableAlias { name, columns, .. } = alias;
    let named: Vec<String> = columns.iter().map(|column| fold(&column.name)).collect();
    let names = if named.is_empty() { own } else { named };
    names.into_iter().map(|column| (name.clone(), column)).collect()
}

/// Names of a query's columns, as far as they are written.
fn outputs(body: &SetExpr) -> Vec<String> {
    let SetExpr::Select(select) = body else { return Vec::new() };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(fold(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(fold),
        _ => None,
    };
    select.projection.iter().filter_map(name).collect()
}

/// Puts the relation before the names, but not in queries within.
struct Qualifier {
    makers: HashMap<String, Option<Ident>>,
    depth: usize,
}

impl VisitorMut for Qualifier {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(name) = expr
            && let Some(Some(maker)) = self.makers.get(&fold(name))
        {
            *expr = Expr::CompoundIdentifier(vec![maker.clone(), name.clone()]);
        }
        ControlFlow::Continue(())
    }
}
