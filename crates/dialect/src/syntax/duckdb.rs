//! DuckDB's names and forms of functions, as Tailpipe's queries have them, by those that are there.
//!
//! See <https://duckdb.org/docs/stable/sql/functions/overview>.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Subscript, TimezoneInfo, Value, ValueWithSpan,
};

use super::calls::{binary, call, cast, lambda, number, parenthesized, text};
use super::fold;
use crate::nested::TRY;

/// DuckDB's names of functions that have another one here.
const NAMES: &[(&str, &str)] = &[
    ("approx_count_distinct", "approx_distinct"),
    ("approx_quantile", "approx_percentile"),
    ("arg_max", "max_by"),
    ("arg_min", "min_by"),
    ("argmax", "max_by"),
    ("argmin", "min_by"),
    ("array_aggr", "list_aggregate"),
    ("array_aggregate", "list_aggregate"),
    ("array_unique", "list_unique"),
    ("countif", "count_if"),
    ("date_sub", "date_diff"),
    ("datepart", "date_part"),
    ("datetrunc", "date_trunc"),
    ("dayofmonth", "day"),
    ("dayofyear", "day_of_year"),
    ("first", "first_value"),
    ("geomean", "geometric_mean"),
    ("group_concat", "string_agg"),
    ("hex", "to_hex"),
    ("isodow", "day_of_week"),
    ("isoyear", "year_of_week"),
    ("json_extract_path_text", "json_extract_string"),
    ("last", "last_value"),
    ("last_day", "last_day_of_month"),
    ("lcase", "lower"),
    ("list", "array_agg"),
    ("list_aggr", "list_aggregate"),
    ("printf", "format"),
    ("prefix", "starts_with"),
    ("regexp_split_to_array", "regexp_split"),
    ("string_split_regex", "regexp_split"),
    ("str_split_regex", "regexp_split"),
    ("strlen", "octet_length"),
    ("suffix", "ends_with"),
    ("ucase", "upper"),
    ("unhex", "from_hex"),
    ("weekday", "dayofweek"),
    ("weekofyear", "week"),
];

/// Returns the name here of a function that DuckDB calls otherwise.
pub(super) fn name_here(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(theirs, _)| *theirs == name).map(|(_, here)| *here)
}

/// Rewrites a call of one of DuckDB's functions.
pub(super) fn settle_duckdb(name: &str, args: &[Expr]) -> Option<Expr> {
    match (name, args) {
        ("struct_extract", [row, member]) => {
            let index = member.clone();
            let access_chain = vec![AccessExpr::Subscript(Subscript::Index { index })];
            Some(Expr::CompoundFieldAccess { root: Box::new(row.clone()), access_chain })
        }
        ("regexp_matches", [value, pattern, options]) => {
            Some(call("regexp_like", vec![value.clone(), with_options(pattern, literal(options)?)?]))
        }
        ("regexp_full_match", [value, pattern]) => Some(full_match(value, pattern)),
        ("format", [pattern, values @ ..]) if literal(pattern).is_some_and(|pattern| pattern.contains("{}")) => {
            let pattern = literal(pattern)?.replace('%', "%%").replace("{}", "%s");
            Some(call("format", std::iter::once(text(&pattern)).chain(values.iter().cloned()).collect()))
        }
        ("regexp_replace", [value, pattern, new, options]) => replaced(value, pattern, new, options),
        ("json_array_length" | "json_keys" | "json_type", [json, path]) => {
            Some(call(name, vec![call("json_extract", vec![json.clone(), path.clone()])]))
        }
        ("list_aggregate", [list, function]) => aggregated(list, literal(function)?),
        ("list_unique", [list]) => Some(call("cardinality", vec![call("array_distinct", vec![present(list)])])),
        ("list_count", [list]) => Some(call("cardinality", vec![present(list)])),
        ("list_value" | "list_pack", elements) => Some(Expr::Array(Array { elem: elements.to_vec(), named: true })),
        ("list_sort", [list]) => Some(call("array_sort", vec![list.clone(), text("ASC"), text("NULLS LAST")])),
        ("list_sort", [list, order]) => Some(call("array_sort", vec![list.clone(), order.clone(), text("NULLS LAST")])),
        ("list_reverse_sort", [list]) => Some(call("array_sort", vec![list.clone(), text("DESC"), text("NULLS LAST")])),
        _ => settle_times(name, args),
    }
}

fn settle_times(name: &str, args: &[Expr]) -> Option<Expr> {
    let again = |name: &str, args: &[&Expr]| Some(call(name, args.iter().map(|arg| (*arg).clone()).collect()));
    match (name, args) {
        ("strptime", [time, pattern]) => again("to_timestamp_micros", &[time, pattern]),
        // Both orders are DuckDB's.
        ("strftime", [pattern @ Expr::Value(_), time] | [time, pattern]) => {
            let pattern = literal(pattern).map_or_else(|| pattern.clone(), |pattern| text(&time_pattern(pattern)));
            Some(call("to_char", vec![time.clone(), pattern]))
        }
        ("try_strptime", [time, pattern]) => {
            Some(call(TRY, vec![lambda("_", call("to_timestamp_micros", vec![time.clone(), pattern.clone()]))]))
        }
        ("make_timestamp", [year, month, day, hour, minute, second]) => {
            let date = call("make_date", vec![year.clone(), month.clone(), day.clone()]);
            let midnight = cast(&date, DataType::Timestamp(None, TimezoneInfo::None));
            let later = |time: Expr, (count, unit): (&Expr, &str)| {
                binary(&time, BinaryOperator::Plus, &call("interval_of", vec![count.clone(), text(unit)]))
            };
            let parts = [(hour, "hour"), (minute, "minute"), (second, "second")];
            Some(parenthesized(parts.into_iter().fold(midnight, later)))
        }
        ("datediff", [unit, from, to]) if is_text(unit) => again("date_diff", &[unit, from, to]),
        ("dateadd", [unit, count, time]) if is_text(unit) => again("date_add", &[unit, count, time]),
        ("dayname", [time]) => Some(call("date_format", vec![time.clone(), text("%W")])),
        ("monthname", [time]) => Some(call("date_format", vec![time.clone(), text("%M")])),
        // From Sunday, which is 0.
        ("dayofweek", [time]) => {
            Some(parenthesized(binary(&call("day_of_week", vec![time.clone()]), BinaryOperator::Modulo, &number(7))))
        }
        (
            "to_millennia" | "to_centuries" | "to_decades" | "to_years" | "to_quarters" | "to_months" | "to_weeks"
            | "to_days" | "to_hours" | "to_minutes" | "to_seconds" | "to_microseconds",
            [count],
        ) => {
            let unit = match name {
                "to_millennia" => "millennium",
                "to_centuries" => "century",
                name => name.trim_start_matches("to_").trim_end_matches('s'),
            };
            Some(call("interval_of", vec![count.clone(), text(unit)]))
        }
        ("today", []) => Some(call("current_date", Vec::new())),
        ("timezone", [zone, time]) => again("at_timezone", &[time, zone]),
        _ => None,
    }
}

/// A pattern of `strftime` in the letters of `to_char`: some mean other things there.
fn time_pattern(pattern: &str) -> String {
    let mut spelled = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        let specifier = if char == '%' { chars.next() } else { None };
        match specifier {
            None => spelled.push(char),
            Some('f') => spelled.push_str("%6f"),
            Some('g') => spelled.push_str("%3f"),
            Some('n') => spelled.push_str("%9f"),
            Some('c') => spelled.push_str("%Y-%m-%d %H:%M:%S"),
            Some('x') => spelled.push_str("%Y-%m-%d"),
            Some(other) => spelled.extend(['%', other]),
        }
    }
    spelled
}

/// Compares the whole text with a regular expression.
pub(super) fn full_match(value: &Expr, pattern: &Expr) -> Expr {
    let whole = call("concat", vec![text(r"\A(?:"), pattern.clone(), text(r")\z")]);
    call("regexp_like", vec![value.clone(), whole])
}

/// `struct_pack(a := 1)` is a row with the member `a`.
pub(super) fn struct_pack(function: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let member = |arg: &FunctionArg| match arg {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => Some([text(&fold(name)), value.clone()]),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value @ Expr::Identifier(name))) => {
            Some([text(&fold(name)), value.clone()])
        }
        _ => None,
    };
    let members: Vec<[Expr; 2]> = list.args.iter().map(member).collect::<Option<_>>()?;
    Some(call("named_struct", members.concat()))
}

pub(super) fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        _ => None,
    }
}

fn is_text(expr: &Expr) -> bool {
    literal(expr).is_some()
}

/// `regexp_replace(x, p, new, 'gi')`; all matches are replaced here anyway.
fn replaced(value: &Expr, pattern: &Expr, new: &Expr, options: &Expr) -> Option<Expr> {
    let options = literal(options)?;
    if !options.contains('g') {
        return None;
    }
    Some(call("regexp_replace", vec![value.clone(), with_options(pattern, options)?, new.clone()]))
}

/// A regular expression with DuckDB's options; `None` where one is not known.
pub(super) fn with_options(pattern: &Expr, options: &str) -> Option<Expr> {
    if !options.chars().all(|option| matches!(option, 'g' | 'c' | 'i' | 's')) {
        return None;
    }
    let flags: String = options.chars().filter(|option| matches!(option, 'i' | 's')).collect();
    Some(match flags.as_str() {
        "" => pattern.clone(),
        flags => call("concat", vec![text(&format!("(?{flags})")), pattern.clone()]),
    })
}

/// The elements of a list that are not NULL.
fn present(list: &Expr) -> Expr {
    let element = || Expr::Identifier("x".into());
    call("array_filter", vec![list.clone(), lambda("x", Expr::IsNotNull(Box::new(element())))])
}

/// `list_aggregate(list, 'sum')`.
fn aggregated(list: &Expr, function: &str) -> Option<Expr> {
    let one = |name: &str| Some(call(name, vec![list.clone()]));
    match function.to_lowercase().as_str() {
        "sum" => one("array_sum"),
        "avg" | "mean" => one("array_avg"),
        "min" => one("list_min"),
        "max" => one("list_max"),
        "product" => one("array_product"),
        "count" => Some(call("cardinality", vec![present(list)])),
        "first" => Some(call("element_at", vec![list.clone(), number(1)])),
        "last" => Some(call("element_at", vec![list.clone(), cast(&text("-1"), DataType::BigInt(None))])),
        "bool_or" => Some(call("any_match", vec![list.clone(), lambda("x", Expr::Identifier("x".into()))])),
        "string_agg" => Some(call("array_join", vec![list.clone(), text(",")])),
        _ => None,
    }
}
