//! Trino's aggregates as DataFusion's, with what `FILTER`, `DISTINCT` and `ORDER BY` they had.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use datafusion::functions_aggregate::all_default_aggregate_functions;
use datafusion::logical_expr::AggregateUDF;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, ExactNumberInfo, Expr, Function, FunctionArgumentClause,
    FunctionArguments, Ident, LambdaFunction, OrderByExpr, OrderByOptions,
};

use super::calls::{
    binary, call, cast, if_else, lambda, new_name, number, parenthesized, renamed, set_args, set_name, text,
};

/// Aggregates that [`settle_aggregate`] puts together of others.
const COMPOSED: [&str; 13] = [
    "approx_most_frequent",
    "count_if",
    "entropy",
    "geometric_mean",
    "histogram",
    "listagg",
    "map_agg",
    "map_union",
    "max_by",
    "min_by",
    "multimap_agg",
    "reduce_agg",
    "set_agg",
];

/// Says whether a function takes many rows, by its name in the query.
pub(super) fn is_aggregate(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let functions = all_default_aggregate_functions();
        let names = |function: &Arc<AggregateUDF>| {
            function.aliases().iter().cloned().chain([function.name().to_owned()]).collect::<Vec<_>>()
        };
        functions.iter().chain(crate::aggregates::all()).flat_map(names).collect()
    });
    COMPOSED.contains(&name) || NAMES.contains(new_name(name).unwrap_or(name))
}

/// Rewrites the call of an aggregate that DataFusion has not; every other call is at most renamed.
pub(super) fn settle_aggregate(mut function: Function, name: &str, args: &[Expr]) -> Expr {
    match (name, args) {
        ("geometric_mean", [value]) => {
            set_name(&mut function, "avg");
            set_args(&mut function, vec![call("ln", vec![value.clone()])]);
            call("exp", vec![Expr::Function(function)])
        }
        ("count_if", [condition]) => {
            set_name(&mut function, "count");
            set_args(&mut function, vec![number(1)]);
            filtered(function, condition.clone())
        }
        ("max_by" | "min_by", [value, key]) => extreme(function, value, key, None, name == "max_by"),
        ("max_by" | "min_by", [value, key, count]) => extreme(function, value, key, Some(count), name == "max_by"),
        // The standard error that is asked for; DataFusion's sketch has one of its own, 0.81 %.
        ("approx_distinct", [value, _]) => {
            set_args(&mut function, vec![value.clone()]);
            Expr::Function(function)
        }
        ("approx_percentile", [.., percentile @ Expr::Array(_)]) => each_percentile(&function, args, percentile),
        ("approx_most_frequent", [buckets, value, _]) => most_frequent(function, buckets, value),
        ("entropy", [count]) => entropy(&function, count),
        ("max" | "min", [value, count]) => extreme(function, value, value, Some(count), name == "max"),
        ("reduce_agg", [value, start, Expr::Lambda(step), _]) => reduced(function, value, start, step),
        ("set_agg", [_]) => {
            set_name(&mut function, "array_agg");
            if let FunctionArguments::List(list) = &mut function.args {
                list.duplicate_treatment = Some(DuplicateTreatment::Distinct);
            }
            Expr::Function(function)
        }
        ("map_agg", [key, value]) => over_pairs(function, key, value, "map_of_pairs"),
        ("map_union", [map]) => united(function, map),
        ("multimap_agg", [key, value]) => over_pairs(function, key, value, "multimap_from_entries"),
        ("histogram", [value]) => {
            set_name(&mut function, "array_agg");
            call("count_values", vec![filtered(function, Expr::IsNotNull(Box::new(value.clone())))])
        }
        ("array_agg", [_]) => array_aggregate(function),
        ("listagg", [_, ..]) => list_aggregate(function, args),
        _ => renamed(function, name),
    }
}

/// Adds a condition to an aggregate's `FILTER`.
fn filtered(mut function: Function, condition: Expr) -> Expr {
    function.filter = Some(Box::new(match function.filter.take() {
        None => condition,
        Some(filter) => binary(&parenthesized(*filter), BinaryOperator::And, &parenthesized(condition)),
    }));
    Expr::Function(function)
}

fn order_by(function: &mut Function, expr: Expr, is_ascending: bool) {
    let options = OrderByOptions { asc: Some(is_ascending), nulls_first: Some(false) };
    let order = OrderByExpr { expr, options, with_fill: None };
    if let FunctionArguments::List(list) = &mut function.args {
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![order]));
    }
}

/// `max_by(x, y)` is the first `x` by falling `y`; `max_by(x, y, n)` the first `n`.
fn extreme(mut function: Function, value: &Expr, key: &Expr, count: Option<&Expr>, is_max: bool) -> Expr {
    set_name(&mut function, if count.is_some() { "array_agg" } else { "first_value" });
    set_args(&mut function, vec![value.clone()]);
    order_by(&mut function, key.clone(), !is_max);
    let aggregate = filtered(function, Expr::IsNotNull(Box::new(key.clone())));
    match count {
        None => aggregate,
        Some(count) => call("array_slice", vec![aggregate, number(1), count.clone()]),
    }
}

/// `approx_percentile(x, ARRAY[p, q])` is one aggregate for each.
fn each_percentile(function: &Function, args: &[Expr], percentiles: &Expr) -> Expr {
    let Expr::Array(percentiles) = percentiles else { return Expr::Function(function.clone()) };
    let one = |percentile: &Expr| {
        let mut function = function.clone();
        let values = args[..args.len() - 1].iter().chain([percentile]).cloned().collect();
        set_args(&mut function, values);
        Expr::Function(function)
    };
    call("make_array", percentiles.elem.iter().map(one).collect())
}

/// `array_agg` of what is not NULL.
fn values_of(mut function: Function, value: &Expr, of: Expr) -> Expr {
    set_name(&mut function, "array_agg");
    set_args(&mut function, vec![of]);
    filtered(function, Expr::IsNotNull(Box::new(value.clone())))
}

/// The counts are exact here; the third argument bounds the sketch that Trino needs.
fn most_frequent(function: Function, buckets: &Expr, value: &Expr) -> Expr {
    call("most_frequent_values", vec![values_of(function, value, value.clone()), buckets.clone()])
}

/// Of all maps' entries the first with each key.
fn united(function: Function, map: &Expr) -> Expr {
    let entries = values_of(function, map, call("map_entries", vec![map.clone()]));
    call("map_of_pairs", vec![call("flatten", vec![entries])])
}

/// One state takes all values in; the function that joins two states has none to join.
fn reduced(function: Function, value: &Expr, start: &Expr, step: &LambdaFunction) -> Expr {
    let values = values_of(function, value, value.clone());
    let state = lambda("s", Expr::Identifier(Ident::new("s")));
    call("reduce", vec![values, start.clone(), Expr::Lambda(step.clone()), state])
}

/// `sum(c / total * log2(total / c))` over counts, which is `log2(total) - sum(c * log2(c)) / total`; 0 of none.
fn entropy(function: &Function, count: &Expr) -> Expr {
    let sum = |of: Expr| {
        let mut function = function.clone();
        set_name(&mut function, "sum");
        set_args(&mut function, vec![of]);
        Expr::Function(function)
    };
    let count = parenthesized(cast(count, DataType::Double(ExactNumberInfo::None)));
    let is_some = binary(&count, BinaryOperator::Gt, &number(0));
    let logarithms = binary(&count, BinaryOperator::Multiply, &call("log2", vec![count.clone()]));
    let total = sum(count.clone());
    let mean = binary(&sum(if_else(&is_some, &logarithms, Some(&number(0)))), BinaryOperator::Divide, &total);
    let difference = binary(&call("log2", vec![total.clone()]), BinaryOperator::Minus, &parenthesized(mean));
    // What is left of rounding is not below 0.
    let entropy = call("greatest", vec![difference, number(0)]);
    if_else(&binary(&total, BinaryOperator::Gt, &number(0)), &entropy, Some(&number(0)))
}

/// An aggregate over pairs is a function of the array of the pairs.
fn over_pairs(mut function: Function, key: &Expr, value: &Expr, finish: &str) -> Expr {
    set_name(&mut function, "array_agg");
    set_args(&mut function, vec![call("struct", vec![key.clone(), value.clone()])]);
    call(finish, vec![filtered(function, Expr::IsNotNull(Box::new(key.clone())))])
}

/// `listagg(x, ',') WITHIN GROUP (ORDER BY y)`: the texts of an array. NULLs are left out.
fn list_aggregate(mut function: Function, values: &[Expr]) -> Expr {
    let separator = values.get(1).cloned().unwrap_or_else(|| text(""));
    let value = cast(&values[0], DataType::Varchar(None));
    set_name(&mut function, "array_agg");
    set_args(&mut function, vec![value.clone()]);
    let order = std::mem::take(&mut function.within_group);
    if let FunctionArguments::List(list) = &mut function.args {
        // Results here have no limit of their length.
        list.clauses.retain(|clause| !matches!(clause, FunctionArgumentClause::OnOverflow(_)));
        if !order.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
    let texts = match filtered(function, Expr::IsNotNull(Box::new(value))) {
        Expr::Function(function) => array_aggregate(function),
        other => other,
    };
    call("array_join", vec![texts, separator])
}

/// `array_agg(DISTINCT x ORDER BY x)` is sorted afterwards: DataFusion mixes it up with other orders of the query.
fn array_aggregate(mut function: Function) -> Expr {
    let FunctionArguments::List(list) = &mut function.args else { return Expr::Function(function) };
    if list.duplicate_treatment != Some(DuplicateTreatment::Distinct) || function.over.is_some() {
        return Expr::Function(function);
    }
    let is_order = |clause: &FunctionArgumentClause| matches!(clause, FunctionArgumentClause::OrderBy(_));
    let Some(at) = list.clauses.iter().position(is_order) else { return Expr::Function(function) };
    let FunctionArgumentClause::OrderBy(order) = list.clauses.remove(at) else { return Expr::Function(function) };
    let options = order.first().map(|first| first.options).unwrap_or(OrderByOptions { asc: None, nulls_first: None });
    let direction = text(if options.asc == Some(false) { "DESC" } else { "ASC" });
    let nulls = text(if options.nulls_first == Some(true) { "NULLS FIRST" } else { "NULLS LAST" });
    call("array_sort", vec![Expr::Function(function), direction, nulls])
}
