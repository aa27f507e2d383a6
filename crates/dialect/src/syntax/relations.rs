//! What is known of the columns of a query's relations before it is planned.

use std::collections::HashMap;
use std::iter;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, Query, RenameSelectItem, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableAlias, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions, With,
};

use super::row_members::members;
use super::wildcard::{WideRelations, constraint, last_name};
use super::{Names, fold};

/// The columns of tables, in their order, by the tables' names.
pub type TableColumns = HashMap<String, Vec<String>>;

/// A relation of a `FROM`.
#[derive(Debug, Clone, Default)]
pub(super) struct Relation {
    /// What the query calls it.
    pub(super) name: Option<Ident>,
    /// Its columns, those that `*` leaves out with them; `None` where they are not known.
    pub(super) columns: Option<Vec<String>>,
    /// Those that `*` leaves out.
    pub(super) hidden: Vec<String>,
    /// The members of rows among the columns.
    pub(super) rows: HashMap<String, Vec<String>>,
}

impl Relation {
    /// The columns that `*` gives.
    pub(super) fn shown(&self) -> Option<Vec<String>> {
        let is_shown = |column: &&String| !self.hidden.contains(column);
        Some(self.columns.as_ref()?.iter().filter(is_shown).cloned().collect())
    }

    fn renamed(mut self, alias: Option<&TableAlias>) -> Self {
        let Some(alias) = alias else { return self };
        self.name = Some(alias.name.clone());
        if !alias.columns.is_empty() {
            self.columns = Some(alias.columns.iter().map(|column| fold(&column.name)).collect());
            self.hidden.clear();
            self.rows.clear();
        }
        self
    }
}

/// The tables and the queries of `WITH` clauses that a `FROM` may name.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    tables: &'a TableColumns,
    wide: &'a WideRelations,
    own_rows: &'a HashMap<String, Vec<String>>,
    /// Queries of the `WITH` clauses around, innermost last.
    queries: Vec<(String, Relation)>,
    /// Queries around, the one that is looked at with them.
    depth: usize,
}

impl Scope<'_> {
    /// Says whether another query is around.
    pub(super) fn is_within(&self) -> bool {
        self.depth > 1
    }

    /// The relations of a `FROM`.
    pub(super) fn relations(&self, from: &[TableWithJoins]) -> Vec<Relation> {
        from.iter().flat_map(|table| self.joined(table)).collect()
    }

    fn joined(&self, table: &TableWithJoins) -> Vec<Relation> {
        let first = self.factor(&table.relation);
        let others = table.joins.iter().flat_map(|join| self.with_merged(join));
        first.into_iter().chain(others).collect()
    }

    /// A joined relation; columns that `USING` shows once are the left side's.
    fn with_merged(&self, join: &Join) -> Vec<Relation> {
        let mut relations = self.factor(&join.relation);
        match constraint(&join.join_operator) {
            Some(JoinConstraint::Using(names)) => {
                let names: Vec<String> = names.iter().filter_map(last_name).collect();
                relations.iter_mut().for_each(|relation| relation.hidden.extend(names.iter().cloned()));
            }
            Some(JoinConstraint::On(_) | JoinConstraint::None) => {}
            // Which columns are left is not known here.
            Some(JoinConstraint::Natural) | None => relations.iter_mut().for_each(|relation| relation.columns = None),
        }
        relations
    }

    fn factor(&self, factor: &TableFactor) -> Vec<Relation> {
        let relation = match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let named = last_name(name).map(|table| self.table(&table, name.0.len() == 1)).unwrap_or_default();
                let own_name = name.0.last().and_then(|part| part.as_ident()).cloned();
                Relation { name: own_name, ..named }.renamed(alias.as_ref())
            }
            TableFactor::Derived { subquery, alias, .. } => self.outputs(subquery).renamed(alias.as_ref()),
            TableFactor::UNNEST { alias, .. } => Relation::default().renamed(alias.as_ref()),
            TableFactor::NestedJoin { table_with_joins, alias: None } => return self.joined(table_with_joins),
            _ => Relation::default(),
        };
        vec![relation]
    }

    fn table(&self, name: &str, is_plain: bool) -> Relation {
        if let Some((_, query)) = self.queries.iter().rev().find(|(query, _)| is_plain && query == name) {
            return query.clone();
        }
        Relation {
            name: None,
            columns: self.tables.get(name).cloned(),
            hidden: self.wide.get(name).cloned().unwrap_or_default(),
            rows: HashMap::new(),
        }
    }

    /// What a query gives, as a relation without a name.
    fn outputs(&self, query: &Query) -> Relation {
        let mut scope = self.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let relation = scope.outputs(&cte.query).renamed(Some(&cte.alias));
            scope.queries.push((fold(&cte.alias.name), relation));
        }
        scope.body_outputs(&query.body)
    }

    fn body_outputs(&self, body: &SetExpr) -> Relation {
        match body {
            SetExpr::Select(select) => self.select_outputs(select),
            SetExpr::Query(query) => self.outputs(query),
            SetExpr::SetOperation { left, .. } => self.body_outputs(left),
            _ => Relation::default(),
        }
    }

    fn select_outputs(&self, select: &Select) -> Relation {
        let relations = self.relations(&select.from);
        let mut given = Relation { columns: Some(Vec::new()), ..Relation::default() };
        for item in &select.projection {
            let (columns, rows) = match item {
                SelectItem::Wildcard(options) => wildcard(&relations, options),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let is_meant = |relation: &&Relation| relation.name.as_ref().map(fold) == last_name(name);
                    match relations.iter().find(is_meant) {
                        Some(relation) => wildcard(std::slice::from_ref(relation), options),
                        None => (None, HashMap::new()),
                    }
                }
                SelectItem::UnnamedExpr(expr) => self.column(expr, None, &relations),
                SelectItem::ExprWithAlias { expr, alias } => self.column(expr, Some(alias), &relations),
                _ => (None, HashMap::new()),
            };
            given.rows.extend(rows);
            given.columns = given.columns.zip(columns).map(|(all, more)| [all, more].concat());
        }
        given
    }

    fn column(
        &self,
        expr: &Expr,
        alias: Option<&Ident>,
        relations: &[Relation],
    ) -> (Option<Vec<String>>, HashMap<String, Vec<String>>) {
        let name = match (alias, expr) {
            (Some(alias), _) => fold(alias),
            (None, Expr::Identifier(name)) => fold(name),
            (None, Expr::CompoundIdentifier(names)) => names.last().map(fold).unwrap_or_default(),
            (None, expr) => expr.to_string(),
        };
        let rows = members(expr, relations, self.own_rows).map(|members| (name.clone(), members));
        (Some(vec![name]), rows.into_iter().collect())
    }
}

/// What a `*` gives.
fn wildcard(
    relations: &[Relation],
    options: &WildcardAdditionalOptions,
) -> (Option<Vec<String>>, HashMap<String, Vec<String>>) {
    let excluded = excluded(options);
    let rows = relations.iter().flat_map(|relation| relation.rows.clone()).collect();
    if options.opt_ilike.is_some() {
        return (None, rows);
    }
    let shown: Option<Vec<Vec<String>>> = relations.iter().map(Relation::shown).collect();
    let columns = shown.map(|shown| shown.concat().into_iter().filter(|column| !excluded.contains(column)));
    let new_name = |column: String| {
        let renamed = renames(options).into_iter().find(|(old, _)| *old == column);
        renamed.map_or(column, |(_, new)| fold(new))
    };
    (columns.map(|columns| columns.map(new_name).collect()), rows)
}

/// The columns that `EXCLUDE` and `EXCEPT` name.
pub(super) fn excluded(options: &WildcardAdditionalOptions) -> Vec<String> {
    let mut names = match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => last_name(name).into_iter().collect(),
        Some(ExcludeSelectItem::Multiple(names)) => names.iter().filter_map(last_name).collect(),
        None => Vec::new(),
    };
    if let Some(except) = &options.opt_except {
        names.extend(iter::once(&except.first_element).chain(&except.additional_elements).map(fold));
    }
    names
}

/// The columns that `RENAME` names, with their new names.
pub(super) fn renames(options: &WildcardAdditionalOptions) -> Vec<(String, &Ident)> {
    match &options.opt_rename {
        Some(RenameSelectItem::Single(one)) => vec![(fold(&one.ident), &one.alias)],
        Some(RenameSelectItem::Multiple(each)) => each.iter().map(|one| (fold(&one.ident), &one.alias)).collect(),
        None => Vec::new(),
    }
}

/// Changes every `SELECT` of a statement or query, innermost last, with what its `FROM` may name.
pub(super) fn change_selects<T: VisitMut>(node: &mut T, names: &Names, change: impl FnMut(&mut Select, &Scope<'_>)) {
    let scope = Scope {
        tables: &names.columns,
        wide: &names.wide,
        own_rows: &names.row_members,
        queries: Vec::new(),
        depth: 0,
    };
    let _ = node.visit(&mut Selects { scope, withs: Vec::new(), change });
}

struct Selects<'a, F> {
    scope: Scope<'a>,
    /// `WITH` clauses already changed, kept out of the visitor's way until their query is done.
    withs: Vec<(Option<With>, usize)>,
    change: F,
}

impl<F: FnMut(&mut Select, &Scope<'_>)> VisitorMut for Selects<'_, F> {
    type Break = ();

    /// A view or a table is called by its columns' names, as a subquery is.
    fn pre_visit_statement(&mut self, statement: &mut Statement) -> ControlFlow<()> {
        self.scope.depth += usize::from(!matches!(statement, Statement::Query(_)));
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.scope.depth += 1;
        let depth = self.scope.queries.len();
        let mut with = query.with.take();
        for cte in with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            let _ = cte.query.visit(self);
            let relation = self.scope.outputs(&cte.query).renamed(Some(&cte.alias));
            self.scope.queries.push((fold(&cte.alias.name), relation));
        }
        self.withs.push((with, depth));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some((with, depth)) = self.withs.pop() {
            query.with = with;
            self.scope.queries.truncate(depth);
        }
        self.scope.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        (self.change)(select, &self.scope);
        ControlFlow::Continue(())
    }
}
