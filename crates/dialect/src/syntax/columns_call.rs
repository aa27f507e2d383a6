//! DuckDB's `COLUMNS('event.*')`, `max(COLUMNS(*))` and `* RENAME (a AS b)`, spelled out for each column.
//!
//! See <https://duckdb.org/docs/stable/sql/expressions/star>. The columns have to be known before planning: those of
//! tables, and of queries that name theirs.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Value, ValueWithSpan, VisitMut, VisitorMut, WildcardAdditionalOptions,
    visit_expressions,
};

use super::calls::{binary, name, parenthesized};
use super::column_names::unused;
use super::relations::{Relation, Scope, change_selects, excluded, renames};
use super::wildcard::last_name;
use super::{Names, fold};

/// The function that stands for several columns.
const COLUMNS: &str = "columns";

/// Spells out such columns.
pub(super) fn settle_columns_calls<T: VisitMut>(node: &mut T, names: &Names) {
    change_selects(node, names, settle);
}

/// Says whether an expression is made once for each of several columns.
pub(super) fn has_columns_call(expr: &Expr) -> bool {
    let is_one = |expr: &Expr| matches!(expr, Expr::Function(function) if name(function) == COLUMNS);
    visit_expressions(expr, |expr| if is_one(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        .is_break()
}

fn settle(select: &mut Select, scope: &Scope<'_>) {
    let is_concerned = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => has_columns_call(expr),
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => options.opt_rename.is_some(),
        SelectItem::ExprWithAliases { .. } => false,
    };
    if select.projection.iter().any(is_concerned) {
        let columns = Columns::of(&scope.relations(&select.from));
        let items = std::mem::take(&mut select.projection);
        select.projection = items.into_iter().flat_map(|item| columns.spread(item)).collect();
        tell_apart(&mut select.projection);
    }
    if let Some(condition) = select.selection.as_mut().filter(|condition| has_columns_call(condition)) {
        Columns::of(&scope.relations(&select.from)).spread_condition(condition);
    }
}

/// Numbers names that come again, as in `max(COLUMNS(*)), min(COLUMNS(*))`.
fn tell_apart(items: &mut [SelectItem]) {
    let mut taken = HashSet::new();
    for item in items {
        if let SelectItem::ExprWithAlias { alias, .. } = item {
            let name = unused(&fold(alias), &taken);
            if name != fold(alias) {
                *alias = Ident::with_quote('"', &name);
            }
            taken.insert(name);
        }
    }
}

/// The columns that a `*` stands for, each with the relation that it is of; `None` where they are not known.
struct Columns(Option<Vec<(Option<Ident>, String)>>);

impl Columns {
    fn of(relations: &[Relation]) -> Self {
        let is_one = relations.len() == 1;
        let of_one = |relation: &Relation| {
            let qualifier = relation.name.clone().filter(|_| !is_one);
            let columns = relation.shown()?.into_iter();
            Some(columns.map(|column| (qualifier.clone(), column)).collect::<Vec<_>>())
        };
        Self(relations.iter().map(of_one).collect::<Option<Vec<_>>>().map(|all| all.concat()))
    }

    fn spread(&self, item: SelectItem) -> Vec<SelectItem> {
        let (expr, alias) = match &item {
            SelectItem::UnnamedExpr(expr) => (expr, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
            SelectItem::Wildcard(options) => return self.renamed(options, None).unwrap_or_else(|| vec![item]),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                return self.renamed(options, last_name(name)).unwrap_or_else(|| vec![item]);
            }
            _ => return vec![item],
        };
        let Some(columns) = self.meant(expr) else { return vec![item] };
        let one = |(qualifier, column): &(Option<Ident>, String)| {
            let alias = alias.filter(|_| columns.len() == 1).cloned();
            SelectItem::ExprWithAlias {
                expr: with_column(expr.clone(), qualifier.as_ref(), column),
                alias: alias.unwrap_or_else(|| Ident::with_quote('"', column)),
            }
        };
        columns.iter().map(one).collect()
    }

    /// A condition holds where it does for each of the columns.
    fn spread_condition(&self, condition: &mut Expr) {
        if let Expr::BinaryOp { left, op: BinaryOperator::And, right } = condition {
            self.spread_condition(left);
            self.spread_condition(right);
            return;
        }
        let Some(columns) = self.meant(condition) else { return };
        let one = |(qualifier, column): &(Option<Ident>, String)| {
            parenthesized(with_column(condition.clone(), qualifier.as_ref(), column))
        };
        let all = columns.iter().map(one).reduce(|all, one| binary(&all, BinaryOperator::And, &one));
        *condition = all.unwrap_or_else(|| Expr::Value(Value::Boolean(true).into()));
    }

    /// The columns that an expression is made for; `None` where it is made once.
    fn meant(&self, expr: &Expr) -> Option<Vec<(Option<Ident>, String)>> {
        let mut wanted = None;
        let _ = visit_expressions(expr, |expr| {
            if let Expr::Function(function) = expr
                && name(function) == COLUMNS
                && let FunctionArguments::List(list) = &function.args
                && let [argument] = list.args.as_slice()
            {
                wanted = Wanted::of(argument);
            }
            ControlFlow::<()>::Continue(())
        });
        let wanted = wanted?;
        let columns = self.0.as_ref()?.iter().filter(|(_, column)| wanted.takes(column));
        Some(columns.cloned().collect())
    }

    fn renamed(&self, options: &WildcardAdditionalOptions, relation: Option<String>) -> Option<Vec<SelectItem>> {
        let (renames, excluded) = (renames(options), excluded(options));
        if renames.is_empty() || options.opt_ilike.is_some() {
            return None;
        }
        let is_meant = |(qualifier, column): &&(Option<Ident>, String)| {
            let is_of = |wanted: &String| qualifier.as_ref().is_none_or(|qualifier| fold(qualifier) == *wanted);
            relation.as_ref().is_none_or(is_of) && !excluded.contains(column)
        };
        let replacement = |column: &str| {
            let items = options.opt_replace.iter().flat_map(|replace| &replace.items);
            items.into_iter().find(|item| fold(&item.column_name) == column).map(|item| item.expr.clone())
        };
        let one = |(qualifier, column): &(Option<Ident>, String)| {
            let renamed = renames.iter().find(|(old, _)| old == column).map(|(_, new)| (*new).clone());
            SelectItem::ExprWithAlias {
                expr: replacement(column).unwrap_or_else(|| named(qualifier.as_ref(), column)),
                alias: renamed.unwrap_or_else(|| Ident::with_quote('"', column)),
            }
        };
        Some(self.0.as_ref()?.iter().filter(is_meant).map(one).collect())
    }
}

/// The columns that a call names.
enum Wanted {
    AllBut(Vec<String>),
    These(Vec<String>),
    Matching(regex::Regex),
}

impl Wanted {
    fn of(argument: &FunctionArg) -> Option<Self> {
        let FunctionArg::Unnamed(argument) = argument else { return None };
        match argument {
            FunctionArgExpr::Wildcard => Some(Self::AllBut(Vec::new())),
            FunctionArgExpr::WildcardWithOptions(options) => Some(Self::AllBut(excluded(options))),
            FunctionArgExpr::Expr(Expr::Array(array)) => {
                let texts = array.elem.iter().map(|item| literal(item).map(str::to_lowercase));
                texts.collect::<Option<_>>().map(Self::These)
            }
            FunctionArgExpr::Expr(expr) => {
                let pattern = format!("(?i){}", literal(expr)?);
                regex::Regex::new(&pattern).ok().map(Self::Matching)
            }
            FunctionArgExpr::QualifiedWildcard(_) => None,
        }
    }

    /// Columns have their names in any case.
    fn takes(&self, column: &str) -> bool {
        match self {
            Self::AllBut(excluded) => !excluded.iter().any(|name| name == column),
            Self::These(names) => names.contains(&column.to_lowercase()),
            Self::Matching(pattern) => pattern.is_match(column),
        }
    }
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        _ => None,
    }
}

/// An expression with one column for each call.
fn with_column(mut expr: Expr, qualifier: Option<&Ident>, column: &str) -> Expr {
    let _ = expr.visit(&mut OneColumn(named(qualifier, column)));
    expr
}

struct OneColumn(Expr);

impl VisitorMut for OneColumn {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Function(function) if name(function) == COLUMNS) {
            *expr = self.0.clone();
        }
        ControlFlow::Continue(())
    }
}

fn named(qualifier: Option<&Ident>, column: &str) -> Expr {
    let column = Ident::with_quote('"', column);
    match qualifier {
        Some(qualifier) => Expr::CompoundIdentifier(vec![qualifier.clone(), column]),
        None => Expr::Identifier(column),
    }
}
