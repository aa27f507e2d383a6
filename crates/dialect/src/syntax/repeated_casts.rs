//! Aggregates and keys of one value under several types, as `max(x), max(CAST(x AS double))`.
//!
//! DataFusion names them without the casts, both `max(x)`, and then fails for the repetition. A cast within a call has
//! another name.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Value, VisitMut, VisitorMut, visit_expressions,
};

use super::aggregates::is_aggregate;
use super::calls::{call, name};
use super::own_exprs::change_own_exprs;

/// Gives such casts names of their own.
pub(super) fn settle_repeated_casts<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Queries);
}

struct Queries;

impl VisitorMut for Queries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let SetExpr::Select(select) = query.body.as_mut() else { return ControlFlow::Continue(()) };
        let casts = repeated(select);
        if casts.is_empty() {
            return ControlFlow::Continue(());
        }
        let mut name = |expr: &mut Expr| {
            if matches!(expr, Expr::Cast { .. })
                && let Some(calls) = casts.get(&expr.to_string())
            {
                // `coalesce` of one value is that value.
                *expr = (0..*calls).fold(expr.clone(), |expr, _| call("coalesce", vec![expr]));
            }
        };
        change_own_exprs(select.as_mut(), &mut name);
        if let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(keys) = &mut order.kind
        {
            change_own_exprs(keys, &mut name);
        }
        ControlFlow::Continue(())
    }
}

/// The casts that tell apart what is the same without them, each with how many calls its name takes.
fn repeated(select: &Select) -> HashMap<String, usize> {
    let mut by_name: BTreeMap<String, HashSet<Expr>> = BTreeMap::new();
    for expr in computed(select) {
        by_name.entry(without_casts(&expr).to_string().to_lowercase()).or_default().insert(expr);
    }
    let mut casts = BTreeMap::new();
    for same in by_name.values().filter(|same| same.len() > 1) {
        for expr in same {
            let _ = visit_expressions(expr, |expr| {
                if let Expr::Cast { expr: inner, .. } = expr {
                    casts.insert(expr.to_string(), inner.to_string());
                }
                ControlFlow::<()>::Continue(())
            });
        }
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut numbered = |(cast, inner): (String, String)| {
        let calls = seen.entry(inner).or_default();
        *calls += 1;
        (cast, *calls)
    };
    casts.into_iter().map(&mut numbered).collect()
}

/// The keys of a `SELECT`, and its aggregates and window functions.
fn computed(select: &Select) -> Vec<Expr> {
    let mut computed = Vec::new();
    let mut keys = match &select.group_by {
        GroupByExpr::Expressions(keys, _) => keys.clone(),
        GroupByExpr::All(_) => Vec::new(),
    };
    let is_place = |key: &Expr| matches!(key, Expr::Value(value) if matches!(value.value, Value::Number(..)));
    let items = || {
        select.projection.iter().filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        })
    };
    let names_items = matches!(select.group_by, GroupByExpr::All(_)) || keys.iter().any(is_place);
    if names_items {
        keys.extend(items().filter(|item| !has_aggregate(item)).cloned());
    }
    computed.extend(keys.into_iter().filter(|key| !is_place(key)));
    for item in items().chain(&select.having) {
        let _ = visit_expressions(item, |expr| {
            if is_computed(expr) {
                computed.push(expr.clone());
            }
            ControlFlow::<()>::Continue(())
        });
    }
    computed
}

fn is_computed(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(function) if function.over.is_some() || is_aggregate(&name(function)))
}

fn has_aggregate(expr: &Expr) -> bool {
    let found =
        visit_expressions(
            expr,
            |expr| {
                if is_computed(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
    found.is_break()
}

fn without_casts(expr: &Expr) -> Expr {
    struct Strip;
    impl VisitorMut for Strip {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
                *expr = inner.as_ref().clone();
            }
            ControlFlow::Continue(())
        }
    }
    let mut stripped = expr.clone();
    let _ = stripped.visit(&mut Strip);
    stripped
}
