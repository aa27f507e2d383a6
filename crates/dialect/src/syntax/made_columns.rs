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
use super::own_exprs::change_own_exprs;
use super::wildcard::{WideRelations, constraint, last_name};

/// Qualifies the names of such columns.
pub(super) fn prefer_made_columns<T: VisitMut>(node: &mut T, wide: &WideRelations) {
    let _ = node.visit(&mut Selects { wide, queries: Vec::new() });
}

struct Selects<'a> {
    wide: &'a WideRelations,
    /// The queries of the `WITH` clauses around, innermost last, with the columns that they make.
    queries: Vec<HashMap<String, Vec<String>>>,
}

impl VisitorMut for Selects<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.queries.push(HashMap::new());
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let named = column_names(&cte.alias);
            let columns = if named.is_empty() { self.outputs(&cte.query.body) } else { named };
            if let Some(innermost) = self.queries.last_mut() {
                innermost.insert(fold(&cte.alias.name), columns);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.queries.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let makers = self.makers(&select.from);
        if !makers.is_empty() {
            change_own_exprs(select, |expr| {
                if let Expr::Identifier(name) = expr
                    && let Some(maker) = makers.get(&fold(name))
                {
                    *expr = Expr::CompoundIdentifier(vec![maker.clone(), name.clone()]);
                }
            });
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
        for (maker, name) in relations().flat_map(|relation| self.made(relation)) {
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
        if self.query(relation).is_some() {
            return &[];
        }
        last_name(name).and_then(|name| self.wide.get(&name)).map_or(&[], Vec::as_slice)
    }

    /// The columns that the query of a `WITH` clause makes, where a relation is such a query.
    fn query(&self, relation: &TableFactor) -> Option<&[String]> {
        let TableFactor::Table { name, args: None, .. } = relation else { return None };
        let [part] = name.0.as_slice() else { return None };
        let name = fold(part.as_ident()?);
        self.queries.iter().rev().find_map(|queries| queries.get(&name)).map(Vec::as_slice)
    }

    /// Names of the columns that a relation of the query makes, with the relation's.
    fn made(&self, factor: &TableFactor) -> Vec<(Ident, String)> {
        let (alias, own) = match factor {
            TableFactor::UNNEST { alias: Some(alias), .. } => (alias.clone(), Vec::new()),
            TableFactor::Derived { alias: Some(alias), subquery, .. } => (alias.clone(), self.outputs(&subquery.body)),
            TableFactor::Table { name, alias, .. } => {
                let Some(columns) = self.query(factor) else { return Vec::new() };
                let own_name = || name.0.last().and_then(|part| part.as_ident()).cloned().map(plain_alias);
                let Some(alias) = alias.clone().or_else(own_name) else { return Vec::new() };
                (alias, columns.to_vec())
            }
            _ => return Vec::new(),
        };
        let named = column_names(&alias);
        let names = if named.is_empty() { own } else { named };
        names.into_iter().map(|column| (alias.name.clone(), column)).collect()
    }

    /// The names that a query gives its columns, but for virtual columns that it hands on.
    fn outputs(&self, body: &SetExpr) -> Vec<String> {
        let select = match body {
            SetExpr::Select(select) => select,
            SetExpr::Query(query) => return self.outputs(&query.body),
            SetExpr::SetOperation { left, .. } => return self.outputs(left),
            _ => return Vec::new(),
        };
        let relations = || select.from.iter().flat_map(|table| iter::once(&table.relation).chain(joined(table)));
        let handed_on = |name: &Ident| {
            let name = fold(name);
            let is_virtual = relations().any(|relation| self.virtual_columns(relation).contains(&name));
            (!is_virtual).then_some(name)
        };
        let names = |item: &SelectItem| match item {
            SelectItem::ExprWithAlias { alias, .. } => vec![fold(alias)],
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => handed_on(name).into_iter().collect(),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => {
                names.last().and_then(handed_on).into_iter().collect()
            }
            SelectItem::Wildcard(_) => relations().flat_map(|one| self.made(one)).map(|(_, name)| name).collect(),
            _ => Vec::new(),
        };
        select.projection.iter().flat_map(names).collect()
    }
}

fn joined(table: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    table.joins.iter().map(|join| &join.relation)
}

fn column_names(alias: &TableAlias) -> Vec<String> {
    alias.columns.iter().map(|column| fold(&column.name)).collect()
}

fn plain_alias(name: Ident) -> TableAlias {
    TableAlias { explicit: false, name, columns: Vec::new(), at: None }
}
