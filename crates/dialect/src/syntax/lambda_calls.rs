//! `regexp_replace` and `split_to_map` with a lambda, by functions that take none and those of arrays and maps.
//!
//! See "Regular expression functions" and "String functions" in Trino's documentation
//! (<https://trino.io/docs/current/functions/regexp.html>).

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens,
};

use super::calls::{call, lambda, number};

/// The parameter for the values of one key; no query has a name like it.
const VALUES: &str = "__values";

/// Rewrites a call of one of these functions with a lambda.
pub(super) fn settle_lambda_call(name: &str, args: &[Expr]) -> Option<Expr> {
    match (name, args) {
        ("regexp_replace", [value, pattern, Expr::Lambda(function)]) if function.params.len() == 1 => {
            let groups = call("regexp_groups", vec![value.clone(), pattern.clone()]);
            let new = call("array_transform", vec![groups, Expr::Lambda(function.clone())]);
            Some(call("regexp_fill", vec![value.clone(), pattern.clone(), new]))
        }
        ("split_to_map", [value, entry_end, key_end, Expr::Lambda(function)]) if function.params.len() == 3 => {
            let values = call("split_to_multimap", vec![value.clone(), entry_end.clone(), key_end.clone()]);
            Some(call("transform_values", vec![values, one_value(function)]))
        }
        _ => None,
    }
}

/// A lambda of a key and its values that gives one of them, as `(key, value, next) -> …` puts two together.
fn one_value(function: &LambdaFunction) -> Expr {
    let mut parameters = function.params.iter().cloned();
    let key = parameters.next().unwrap_or_else(|| parameter(VALUES));
    let join = with_parameters(parameters.collect(), *function.body.clone());
    let values = || Expr::Identifier(Ident::new(VALUES));
    let others = call("array_slice", vec![values(), number(2), call("cardinality", vec![values()])]);
    let first = call("element_at", vec![values(), number(1)]);
    let body = call("reduce", vec![others, first, join, lambda(VALUES, values())]);
    with_parameters(vec![key, parameter(VALUES)], body)
}

fn with_parameters(parameters: Vec<LambdaFunctionParameter>, body: Expr) -> Expr {
    let params = OneOrManyWithParens::Many(parameters);
    Expr::Lambda(LambdaFunction { params, body: Box::new(body), syntax: LambdaSyntax::Arrow })
}

fn parameter(name: &str) -> LambdaFunctionParameter {
    LambdaFunctionParameter { name: Ident::new(name), data_type: None }
}
