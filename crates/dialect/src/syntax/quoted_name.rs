//! `"eventName"` means `eventname`, unless the query or another table has exactly that name.
//!
//! People quote CloudTrail's JSON spelling out of habit; SQL takes quoted names as they are, and ours are lower case.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Select, SelectItem, Statement, TableAlias, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};

/// Lower-cases quoted names that are only known in lower case.
///
/// `known` holds the lower-case names of columns and struct members, `exact` the names of user tables' columns.
pub(crate) fn fold_quoted_names(statement: &mut Statement, known: &HashSet<String>, exact: &HashSet<String>) {
    let mut aliases = AliasCollector::default();
    let _ = Visit::visit(statement, &mut aliases);
    let mut folder = NameFolder { known, exact, aliases: aliases.names };
    let _ = VisitMut::visit(statement, &mut folder);
}

#[derive(Default)]
struct AliasCollector {
    names: HashSet<String>,
}

impl AliasCollector {
    fn add(&mut self, alias: Option<&TableAlias>) {
        if let Some(alias) = alias {
            self.names.insert(alias.name.value.clone());
            self.names.extend(alias.columns.iter().map(|column| column.name.value.clone()));
        }
    }
}

impl Visitor for AliasCollector {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.names.insert(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => self.add(alias.as_ref()),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &datafusion::sql::sqlparser::ast::Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.add(Some(&cte.alias));
        }
        ControlFlow::Continue(())
    }
}

struct NameFolder<'a> {
    known: &'a HashSet<String>,
    exact: &'a HashSet<String>,
    aliases: HashSet<String>,
}

impl NameFolder<'_> {
    fn fold(&self, ident: &mut Ident) {
        if ident.quote_style.is_none() || self.aliases.contains(&ident.value) || self.exact.contains(&ident.value) {
            return;
        }
        let folded = ident.value.to_lowercase();
        if folded != ident.value && self.known.contains(&folded) {
            ident.value = folded;
        }
    }
}

impl VisitorMut for NameFolder<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.fold(ident),
            Expr::CompoundIdentifier(idents) => idents.iter_mut().for_each(|ident| self.fold(ident)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
