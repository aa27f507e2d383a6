//! A virtual column gives way to a column that the query itself makes under the same name.
//!
//! `FROM cloudtrail_logs CROSS JOIN UNNEST(resources) AS t(arn, accountid, type)` has one `accountid` in Athena, whose
//! table has none of its own; here it would be one too many.

use std::collections::HashMap;
use std::iter;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, JoinConstraint, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins, VisitMut,
    VisitorMut,
};

use super::fold;
use super::wildcard::{WideRelations, constraint, last_name};

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
        let makers = self.makers(&select.from);
        if !makers.is_empty() {
            let _ = select.visit(&mut Qualifier { makers, depth: 0 });
        }
        ControlFlow::Continue(())
    }
}

impl Selects<'_> {
    /// The columns that one relation makes and another has as a virtual one, with the relation that makes it.
    fn makers(&self, from: &[TableWithJoins]) -> HashMap<String, Ident> {
        let relations = || from.iter().flat_map(|table| iter::once(&table.relation).chain(joined(table)));
        let is_virtual = |name: &String| relations().any(|relation| self.virtual_columns(relation).contains(name));
        let mut makers: HashMap<String, Option<Ident>> = HashMap::new();
        for (maker, name) in relations().flat_map(made) {
            // Made twice, it is ambiguous in Athena as well.
            makers.entry(name).and_modify(|known| *known = None).or_insert(Some(maker));
        }
        for constraint in from.iter().flat_map(|table| &table.joins).filter_map(|join| constraint(&join.join_operator))
        {
            match constraint {
                // One column stands for both.
                JoinConstraint::Using(names) => {
                    names.iter().filter_map(last_name).for_each(|name| drop(makers.remove(&name)))
                }
                JoinConstraint::Natural => makers.clear(),
                JoinConstraint::On(_) | JoinConstraint::None => {}
            }
        }
        makers
            .into_iter()
            .filter_map(|(name, maker)| Some((name, maker?)))
            .filter(|(name, _)| is_virtual(name))
            .collect()
    }

    fn virtual_columns(&self, relation: &TableFactor) -> &[String] {
        let TableFactor::Table { name, args: None, .. } = relation else { return &[] };
        last_name(name).and_then(|name| self.wide.get(&name)).map_or(&[], Vec::as_slice)
    }
}

fn joined(table: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    table.joins.iter().map(|join| &join.relation)
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

/// The names that a query gives its columns.
fn outputs(body: &SetExpr) -> Vec<String> {
    let SetExpr::Select(select) = body else { return Vec::new() };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
        // A column that is handed on may be a virtual one itself.
        _ => None,
    };
    select.projection.iter().filter_map(name).collect()
}

/// Puts the relation before the names, but not in queries within.
struct Qualifier {
    makers: HashMap<String, Ident>,
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
            && let Some(maker) = self.makers.get(&fold(name))
        {
            *expr = Expr::CompoundIdentifier(vec![maker.clone(), name.clone()]);
        }
        ControlFlow::Continue(())
    }
}
