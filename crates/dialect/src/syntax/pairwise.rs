//! `zip`, `zip_with`, `map_concat` and `map_zip_with`, by the functions that are there.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, LambdaFunction, VisitMut, VisitorMut};

use super::calls::{call, lambda, null_if_any_is, number};
use super::fold;

/// The parameter that walks over places; no query has a name like it.
const PLACE: &str = "__place";

/// Rewrites a call of one of these functions.
pub(super) fn settle_pairwise(name: &str, args: &[Expr]) -> Option<Expr> {
    match (name, args) {
        ("zip", arrays) if arrays.len() > 1 => Some(by_place(arrays, call("struct", elements(arrays)))),
        ("zip_with", [left, right, Expr::Lambda(function)]) if function.params.len() == 2 => {
            let arrays = [left.clone(), right.clone()];
            Some(by_place(&arrays, applied(function, &elements(&arrays))))
        }
        // The last map wins; pairs are taken first come.
        ("map_concat", maps) if !maps.is_empty() => {
            let entries = maps.iter().rev().map(|map| call("map_entries", vec![map.clone()])).collect();
            Some(null_if_any_is(call("map_of_pairs", vec![call("array_concat", entries)]), maps))
        }
        ("map_zip_with", [left, right, Expr::Lambda(function)]) if function.params.len() == 3 => {
            let maps = [left.clone(), right.clone()];
            let keys = maps.iter().map(|map| call("map_keys", vec![map.clone()])).collect();
            let keys = call("array_distinct", vec![call("array_concat", keys)]);
            let key = Expr::Identifier(Ident::new(PLACE));
            let values = maps.iter().map(|map| call("element_at", vec![map.clone(), key.clone()]));
            let arguments: Vec<Expr> = std::iter::once(key.clone()).chain(values).collect();
            let pair = call("struct", vec![key, applied(function, &arguments)]);
            let pairs = call("array_transform", vec![keys, lambda(PLACE, pair)]);
            Some(null_if_any_is(call("map_of_pairs", vec![pairs]), &maps))
        }
        _ => None,
    }
}

/// The elements of all arrays at one place; NULL where an array is shorter.
fn elements(arrays: &[Expr]) -> Vec<Expr> {
    let place = || Expr::Identifier(Ident::new(PLACE));
    arrays.iter().map(|array| call("element_at", vec![array.clone(), place()])).collect()
}

/// An array of what `body` gives for each place of the longest array.
fn by_place(arrays: &[Expr], body: Expr) -> Expr {
    let lengths = arrays.iter().map(|array| call("cardinality", vec![array.clone()])).collect();
    let places = call("generate_series", vec![number(1), call("greatest", lengths)]);
    null_if_any_is(call("array_transform", vec![places, lambda(PLACE, body)]), arrays)
}

/// A lambda's body with arguments for its parameters.
fn applied(function: &LambdaFunction, arguments: &[Expr]) -> Expr {
    let names = function.params.iter().map(|parameter| fold(&parameter.name)).collect();
    let mut body = function.body.as_ref().clone();
    let _ = body.visit(&mut Arguments { names, arguments });
    body
}

struct Arguments<'a> {
    names: Vec<String>,
    arguments: &'a [Expr],
}

impl VisitorMut for Arguments<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr
            && let Some(at) = self.names.iter().position(|parameter| *parameter == fold(name))
        {
            *expr = self.arguments[at].clone();
        }
        ControlFlow::Continue(())
    }
}
