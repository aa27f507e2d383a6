//! Subqueries over `UNNEST` of a column of the row around them, as functions of the array: DataFusion has no physical
//! plan for them.
//!
//! `EXISTS (SELECT 1 FROM UNNEST(l) AS u(e) WHERE e > 8)` is `cardinality(filter(l, e -> e > 8)) > 0`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Select,
    SelectItem, SetExpr, TableFactor, UnaryOperator, Value, VisitMut, VisitorMut, visit_expressions,
};

use super::aggregates::is_aggregate;
use super::array_aggregates::{aggregate, sorted};
use super::calls::{binary, call, if_else, lambda, name, number, parenthesized};
use super::fold;

/// Rewrites such subqueries, wherever they are.
pub(super) fn settle_correlated_unnests<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Subqueries);
}

struct Subqueries;

impl VisitorMut for Subqueries {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let settled = match expr {
            Expr::Exists { subquery, negated } => exists(subquery).map(|found| negated_if(found, *negated)),
            Expr::InSubquery { expr, subquery, negated } => {
                is_in(expr, subquery).map(|found| negated_if(found, *negated))
            }
            Expr::Subquery(subquery) => scalar(subquery),
            _ => None,
        };
        if let Some(settled) = settled {
            *expr = parenthesized(settled);
        }
        ControlFlow::Continue(())
    }
}

/// The elements that a subquery goes over.
#[derive(Clone)]
pub(super) struct Elements {
    /// The array of those that fit its condition.
    pub(super) array: Expr,
    /// What the subquery calls one of them.
    name: Ident,
    /// What it gives for each.
    projection: Expr,
    /// What it sorts by.
    order: Option<OrderByExpr>,
    /// Whether it gives at most one.
    is_first: bool,
}

impl Elements {
    fn new(query: &Query) -> Option<Self> {
        let SetExpr::Select(select) = query.body.as_ref() else { return None };
        let is_plain = query.with.is_none() && query.fetch.is_none();
        let is_first = match &query.limit_clause {
            None => false,
            Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, .. }) if limit.to_string() == "1" => true,
            Some(_) => return None,
        };
        let projection = projection(select).filter(|_| is_plain && is_simple(select))?;
        let order = match &query.order_by {
            Some(order) => Some(only_key(order)?),
            None => None,
        };
        let [table] = select.from.as_slice() else { return None };
        let TableFactor::UNNEST { alias: Some(alias), array_exprs, with_ordinality: false, .. } = &table.relation
        else {
            return None;
        };
        let ([array], [column]) = (array_exprs.as_slice(), alias.columns.as_slice()) else { return None };
        if !table.joins.is_empty() || !names_column(array) {
            return None;
        }
        let unqualified = |mut expr: Expr| {
            let _ = expr.visit(&mut Unqualified { table: fold(&alias.name) });
            expr
        };
        let array = match select.selection.clone() {
            None => array.clone(),
            Some(condition) => call("filter", vec![array.clone(), lambda(&column.name.value, unqualified(condition))]),
        };
        let order = order.map(|key| OrderByExpr { expr: unqualified(key.expr), ..key });
        Some(Self { array, name: column.name.clone(), projection: unqualified(projection), order, is_first })
    }

    /// An array of what an expression gives for each element.
    pub(super) fn each(&self, expr: &Expr) -> Expr {
        match expr {
            Expr::Identifier(name) if fold(name) == fold(&self.name) => self.array.clone(),
            expr => call("transform", vec![self.array.clone(), lambda(&self.name.value, expr.clone())]),
        }
    }

    /// Those of the elements that fit one more condition.
    pub(super) fn only(&self, condition: &Expr) -> Self {
        let condition = lambda(&self.name.value, condition.clone());
        Self { array: call("filter", vec![self.array.clone(), condition]), ..self.clone() }
    }
}

fn projection(select: &Select) -> Option<Expr> {
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => Some(expr.clone()),
        [SelectItem::Wildcard(_)] => Some(number(1)),
        _ => None,
    }
}

/// Says whether nothing but a condition stands between `FROM` and what is given.
fn is_simple(select: &Select) -> bool {
    let groups = matches!(&select.group_by, GroupByExpr::Expressions(groups, _) if groups.is_empty());
    groups && select.distinct.is_none() && select.having.is_none() && select.qualify.is_none()
}

/// The one key of an `ORDER BY`.
fn only_key(order: &OrderBy) -> Option<OrderByExpr> {
    match &order.kind {
        OrderByKind::Expressions(keys) if keys.len() == 1 => keys.first().cloned(),
        _ => None,
    }
}

/// Says whether an expression reads a column; which one is the row's around, as `UNNEST` is all that is in `FROM`.
fn names_column(expr: &Expr) -> bool {
    let mut found = false;
    let _ = visit_expressions(expr, |expr| {
        found |= matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        ControlFlow::<()>::Continue(())
    });
    found
}

fn exists(query: &Query) -> Option<Expr> {
    let elements = Elements::new(query)?;
    if has_aggregate(&elements.projection) {
        // It gives one row, whatever there is.
        return Some(Expr::Value(Value::Boolean(true).into()));
    }
    let has_some = binary(&call("cardinality", vec![elements.array]), BinaryOperator::Gt, &number(0));
    Some(call("coalesce", vec![has_some, Expr::Value(Value::Boolean(false).into())]))
}

fn is_in(value: &Expr, query: &Query) -> Option<Expr> {
    let elements =
        Elements::new(query).filter(|elements| !elements.is_first && !has_aggregate(&elements.projection))?;
    let values = elements.each(&elements.projection);
    let none = Expr::IsNull(Box::new(values.clone()));
    let found = call("contains", vec![values, value.clone()]);
    Some(if_else(&none, &Expr::Value(Value::Boolean(false).into()), Some(&found)))
}

fn scalar(query: &Query) -> Option<Expr> {
    let elements = Elements::new(query)?;
    if has_aggregate(&elements.projection) {
        let mut settled = elements.projection.clone();
        let is_settled = settled.visit(&mut Aggregates { elements: &elements }).is_continue();
        return is_settled.then_some(settled);
    }
    let values = elements.each(&elements.projection);
    let values = match &elements.order {
        None => values,
        // Sorted by what it gives.
        Some(key) if key.expr == elements.projection => sorted(values, &key.options),
        Some(_) => return None,
    };
    elements.is_first.then(|| call("element_at", vec![values, number(1)]))
}

fn has_aggregate(expr: &Expr) -> bool {
    let is_one = |expr: &Expr| matches!(expr, Expr::Function(function) if is_aggregate(&name(function)));
    visit_expressions(expr, |expr| if is_one(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        .is_break()
}

fn negated_if(expr: Expr, is_negated: bool) -> Expr {
    if is_negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(parenthesized(expr)) } } else { expr }
}

/// Puts functions of the array for the aggregates of an expression; breaks off at one that has no such function.
struct Aggregates<'a> {
    elements: &'a Elements,
}

impl VisitorMut for Aggregates<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        if !is_aggregate(&name(function)) {
            return ControlFlow::Continue(());
        }
        match aggregate(self.elements, function) {
            Some(settled) => {
                *expr = settled;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }
}

/// Takes the name of the unnested relation off its column.
struct Unqualified {
    table: String,
}

impl VisitorMut for Unqualified {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(names) = expr
            && names.first().map(fold).as_deref() == Some(self.table.as_str())
        {
            names.remove(0);
            if let [name] = names.as_slice() {
                *expr = Expr::Identifier(name.clone());
            }
        }
        ControlFlow::Continue(())
    }
}
