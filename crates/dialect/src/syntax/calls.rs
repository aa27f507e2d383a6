//! Calls and operators that mean something else in DataFusion, or that it spells in another way.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CaseWhen, CastKind, CharacterLength, DataType, DateTimeField, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, LambdaFunction,
    LambdaFunctionParameter, LambdaSyntax, ObjectName, OneOrManyWithParens, Select, Subscript, TypedString,
    UnaryOperator, Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::aggregates::settle_aggregate;
use super::duckdb::{full_match, name_here, settle_duckdb, struct_pack};
use super::lambda_calls::settle_lambda_call;
use super::literals::{timestamp_literal, with_seconds};
use super::pairwise::settle_pairwise;
use super::rows::{in_rows, row_comparison, row_in_list, settle_condition, spread_keys};
use crate::nested::{SORT_BY, TRY};

/// Functions that DataFusion has under another name.
const RENAMED: &[(&str, &str)] = &[
    ("arbitrary", "any_value"),
    ("array_remove", "array_remove_all"),
    ("arrays_overlap", "array_has_any"),
    ("bitwise_and_agg", "bit_and"),
    ("bitwise_or_agg", "bit_or"),
    ("bitwise_xor_agg", "bit_xor"),
    ("every", "bool_and"),
    ("filter", "array_filter"),
    // As DuckDB has it: NULLs are left out.
    ("greatest_present", "greatest"),
    ("index", "strpos"),
    ("least_present", "least"),
    ("list_contains", "contains"),
    ("list_filter", "array_filter"),
    ("list_transform", "array_transform"),
    ("localtimestamp", "now"),
    ("rand", "random"),
    ("repeat", "array_repeat"),
    ("row", "struct"),
    ("sequence", "generate_series"),
    ("str_position", "strpos"),
    ("strftime", "to_char"),
    ("stddev_samp", "stddev"),
    ("transform", "array_transform"),
    ("title_case", "initcap"),
    ("truncate", "trunc"),
    ("variance", "var"),
];

/// Rewrites the calls of a statement.
pub(super) fn settle_calls<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Calls);
}

/// Makes a call.
pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(function(name, args))
}

fn function(name: &str, args: Vec<Expr>) -> Function {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

struct Calls;

impl VisitorMut for Calls {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        spread_keys(select);
        [&mut select.selection, &mut select.having].into_iter().flatten().for_each(settle_condition);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let taken = std::mem::replace(expr, Expr::Value(Value::Null.into()));
        *expr = settle(taken);
        ControlFlow::Continue(())
    }
}

fn settle(expr: Expr) -> Expr {
    match expr {
        Expr::Function(function) => settle_function(function),
        Expr::AtTimeZone { timestamp, time_zone } => call("at_timezone", vec![*timestamp, *time_zone]),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let from = substring_from.map_or_else(|| number(1), |from| *from);
            call("substr", [*expr, from].into_iter().chain(substring_for.map(|length| *length)).collect())
        }
        Expr::Extract { field, syntax, expr } => match extract_function(&field) {
            Some(name) => call(name, vec![*expr]),
            None => Expr::Extract { field, syntax, expr },
        },
        Expr::TypedString(TypedString { data_type: DataType::JSON, value, .. }) => {
            call("json_parse", vec![Expr::Value(value)])
        }
        // The spelling is DuckDB's, where text is read as JSON; a cast in Trino makes it a string of JSON.
        Expr::Cast { kind: CastKind::DoubleColon, expr, data_type: DataType::JSON, .. } => call("json", vec![*expr]),
        Expr::Cast {
            kind,
            expr,
            data_type: DataType::Varchar(Some(CharacterLength::IntegerLength { length, .. })),
            ..
        } => cut_text(kind, *expr, length),
        Expr::Cast { kind, expr, data_type: data_type @ DataType::Timestamp(..), array, format } => {
            Expr::Cast { kind, expr: Box::new(with_seconds(*expr)), data_type, array, format }
        }
        Expr::TypedString(TypedString { data_type: DataType::Timestamp(_, _), value, uses_odbc_syntax: false }) => {
            timestamp_literal(value)
        }
        Expr::Value(ValueWithSpan { value: Value::UnicodeStringLiteral(literal), .. }) => text(&literal),
        Expr::BinaryOp { left, op: BinaryOperator::DuckIntegerDivide, right } => {
            call("whole_quotient", vec![*left, *right])
        }
        Expr::BinaryOp { left, op, right } => {
            row_comparison(&left, &op, &right).unwrap_or(Expr::BinaryOp { left, op, right })
        }
        Expr::InList { expr, list, negated } => {
            row_in_list(&expr, &list, negated).unwrap_or(Expr::InList { expr, list, negated })
        }
        Expr::InSubquery { expr, subquery, negated } => in_rows(*expr, subquery, negated),
        // As DuckDB has it: a regular expression of the whole text.
        Expr::SimilarTo { negated, expr, pattern, escape_char: None } => {
            let found = full_match(&expr, &pattern);
            if negated { self::negated(found) } else { found }
        }
        Expr::CompoundFieldAccess { root, access_chain } => lenient_element(*root, access_chain),
        other => other,
    }
}

/// A cast to `varchar(n)` cuts text that is longer.
fn cut_text(kind: CastKind, expr: Expr, length: u64) -> Expr {
    let expr = Box::new(expr);
    let text = Expr::Cast { kind, expr, data_type: DataType::Varchar(None), array: false, format: None };
    let length = Expr::Value(Value::Number(length.to_string(), false).into());
    call("substr", vec![text, number(1), length])
}

/// Fields whose numbers DataFusion counts in another way.
fn extract_function(field: &DateTimeField) -> Option<&'static str> {
    match field {
        DateTimeField::Dow | DateTimeField::DayOfWeek => Some("day_of_week"),
        DateTimeField::Doy | DateTimeField::DayOfYear => Some("day_of_year"),
        DateTimeField::Week(_) => Some("week"),
        DateTimeField::TimezoneHour => Some("timezone_hour"),
        DateTimeField::TimezoneMinute => Some("timezone_minute"),
        DateTimeField::Custom(name) if name.value.eq_ignore_ascii_case("day_of_week") => Some("day_of_week"),
        DateTimeField::Custom(name) if name.value.eq_ignore_ascii_case("day_of_year") => Some("day_of_year"),
        DateTimeField::Custom(name)
            if name.value.eq_ignore_ascii_case("yow") || name.value.eq_ignore_ascii_case("year_of_week") =>
        {
            Some("year_of_week")
        }
        _ => None,
    }
}

/// `string_split(x, ',')[9]` is NULL where there is none: the spelling is DuckDB's, and so is its rule.
fn lenient_element(root: Expr, mut chain: Vec<AccessExpr>) -> Expr {
    let is_split =
        matches!(&root, Expr::Function(function) if matches!(name(function).as_str(), "string_split" | "str_split"));
    if is_split
        && matches!(chain.first(), Some(AccessExpr::Subscript(Subscript::Index { .. })))
        && let AccessExpr::Subscript(Subscript::Index { index }) = chain.remove(0)
    {
        let element = call("element_at", vec![root, index]);
        return match chain.is_empty() {
            true => element,
            false => Expr::CompoundFieldAccess { root: Box::new(element), access_chain: chain },
        };
    }
    Expr::CompoundFieldAccess { root: Box::new(root), access_chain: chain }
}

/// A function's name; none where it is qualified.
pub(super) fn name(function: &Function) -> String {
    match function.name.0.as_slice() {
        [part] => part.as_ident().map(super::fold).unwrap_or_default(),
        _ => String::new(),
    }
}

fn settle_function(mut function: Function) -> Expr {
    let mut name = name(&function);
    if let Some(here) = name_here(&name) {
        set_name(&mut function, here);
        name = here.to_owned();
    }
    if name == "struct_pack"
        && let Some(row) = struct_pack(&function)
    {
        return row;
    }
    let Some(args) = plain_args(&function) else {
        return renamed(function, &name);
    };
    let args = with_lambdas(&mut function, &name, args);
    let args = with_maps(&mut function, &name, args);
    match (name.as_str(), args.as_slice()) {
        ("if", [condition, then]) => if_else(condition, then, None),
        ("if", [condition, then, otherwise]) => if_else(condition, then, Some(otherwise)),
        (TRY, [body]) => {
            let mut body = body.clone();
            let _ = body.visit(&mut LiteralCasts);
            call(TRY, vec![lambda("_", body)])
        }
        ("date", [value]) => cast(value, DataType::Date),
        ("mod", [left, right]) => parenthesized(binary(left, BinaryOperator::Modulo, right)),
        ("now" | "localtimestamp" | "current_timestamp", [_]) => call("now", Vec::new()),
        ("random" | "rand", [end]) => random_between(&number(0), end),
        ("random" | "rand", [start, end]) => random_between(start, end),
        // What is no UTF-8 becomes the replacement character first.
        ("from_utf8", [bytes, new]) => {
            call("replace", vec![call("from_utf8", vec![bytes.clone()]), text("\u{fffd}"), new.clone()])
        }
        ("width_bucket", [value, bins]) => {
            let is_below =
                binary(&Expr::Identifier(Ident::new("b")), BinaryOperator::LtEq, &parenthesized(value.clone()));
            let below = call("array_filter", vec![bins.clone(), lambda("b", is_below)]);
            null_if_any_is(call("cardinality", vec![below]), &[value.clone(), bins.clone()])
        }
        // The form is a keyword.
        ("normalize", [value, Expr::Identifier(form)]) => {
            call("normalize", vec![value.clone(), text(&form.value.to_uppercase())])
        }
        ("greatest" | "least", values) if !values.is_empty() => {
            null_if_any_is(Expr::Function(function.clone()), values)
        }
        // With a step it has another name.
        ("sequence", [_, _]) => Expr::Function(function),
        ("map", []) => {
            let empty = || Expr::Array(Array { elem: Vec::new(), named: true });
            call("map", vec![empty(), empty()])
        }
        (name, args) => settle_array(name, args)
            .or_else(|| settle_pairwise(name, args))
            .or_else(|| settle_lambda_call(name, args))
            .or_else(|| settle_duckdb(name, args))
            .unwrap_or_else(|| settle_aggregate(function, name, args)),
    }
}

/// `map_filter(requestparameters, (k, v) -> …)`: JSON text in a column is a map, too, as CloudTrail Lake has it.
fn with_maps(function: &mut Function, name: &str, mut args: Vec<Expr>) -> Vec<Expr> {
    let maps = match name {
        "map_filter" | "transform_keys" | "transform_values" => 1,
        "map_zip_with" => 2,
        _ => return args,
    };
    for map in args.iter_mut().take(maps) {
        if matches!(map, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. }) {
            *map = call("map_from_entries", vec![call("map_entries", vec![map.clone()])]);
        }
    }
    set_args(function, args.clone());
    args
}

/// `transform(l, x -> 'a')`: what the parser takes for a member of JSON is a lambda where the function wants one.
fn with_lambdas(function: &mut Function, name: &str, args: Vec<Expr>) -> Vec<Expr> {
    let wants_lambda = matches!(name, "filter" | "transform" | "any_match" | "all_match" | "none_match")
        || ["array_", "list_"].iter().any(|kind| matches!(name.strip_prefix(kind), Some("filter" | "transform")));
    let [array, Expr::BinaryOp { left, op: BinaryOperator::Arrow, right }] = args.as_slice() else { return args };
    let Expr::Identifier(parameter) = left.as_ref() else { return args };
    if !wants_lambda {
        return args;
    }
    let args = vec![array.clone(), lambda(&parameter.value, right.as_ref().clone())];
    set_args(function, args.clone());
    args
}

/// Rewrites a call of a function of one array.
fn settle_array(name: &str, args: &[Expr]) -> Option<Expr> {
    Some(match (name, args) {
        ("none_match", [array, predicate]) => negated(call("any_match", vec![array.clone(), predicate.clone()])),
        ("all_match", [array, Expr::Lambda(predicate)]) => {
            let opposite = LambdaFunction { body: Box::new(negated(*predicate.body.clone())), ..predicate.clone() };
            negated(call("any_match", vec![array.clone(), Expr::Lambda(opposite)]))
        }
        ("array_sort", [array]) => call("array_sort", vec![array.clone(), text("ASC"), text("NULLS LAST")]),
        ("array_position", [array, element]) => {
            let found = call("array_position", vec![array.clone(), element.clone()]);
            null_if_any_is(call("coalesce", vec![found, number(0)]), &[array.clone(), element.clone()])
        }
        ("array_first", [array]) => call("element_at", vec![array.clone(), number(1)]),
        ("array_last", [array]) => call("element_at", vec![array.clone(), negative(number(1))]),
        ("slice", [array, start, length]) => {
            let end =
                binary(&parenthesized(binary(start, BinaryOperator::Plus, length)), BinaryOperator::Minus, &number(1));
            call("array_slice", vec![array.clone(), start.clone(), end])
        }
        ("array_sort", [array, comparison @ Expr::Lambda(_)]) => call(SORT_BY, vec![array.clone(), comparison.clone()]),
        _ => return None,
    })
}

/// Casts of literals within `TRY`: DataFusion evaluates them while planning, where nothing catches their errors.
struct LiteralCasts;

impl VisitorMut for LiteralCasts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { kind, expr, .. } = expr
            && matches!(expr.as_ref(), Expr::Value(_))
        {
            *kind = CastKind::TryCast;
        }
        ControlFlow::Continue(())
    }
}

pub(super) fn renamed(mut function: Function, name: &str) -> Expr {
    if let Some(new) = new_name(name) {
        set_name(&mut function, new);
    }
    Expr::Function(function)
}

/// DataFusion's name of a function that has another one there.
pub(super) fn new_name(name: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(old, _)| *old == name).map(|(_, new)| *new)
}

/// The arguments of a call that has expressions only.
pub(super) fn plain_args(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let plain = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(plain).collect()
}

pub(super) fn set_name(function: &mut Function, name: &str) {
    let span = function.name.0.first().and_then(|part| part.as_ident()).map_or(Span::empty(), |ident| ident.span);
    function.name = ObjectName::from(vec![Ident { value: name.to_owned(), quote_style: None, span }]);
}

pub(super) fn set_args(function: &mut Function, args: Vec<Expr>) {
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    }
}

/// Makes an expression NULL where one of the values is, as Trino's functions are.
pub(super) fn null_if_any_is(expr: Expr, values: &[Expr]) -> Expr {
    let is_null = |value: &Expr| Expr::IsNull(Box::new(parenthesized(value.clone())));
    let any = values.iter().map(is_null).reduce(|left, right| binary(&left, BinaryOperator::Or, &right));
    match any {
        Some(any) => if_else(&any, &Expr::Value(Value::Null.into()), Some(&expr)),
        None => expr,
    }
}

pub(super) fn if_else(condition: &Expr, then: &Expr, otherwise: Option<&Expr>) -> Expr {
    Expr::Case {
        case_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        end_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: condition.clone(), result: then.clone() }],
        else_result: otherwise.cloned().map(Box::new),
    }
}

pub(super) fn lambda(parameter: &str, body: Expr) -> Expr {
    let parameter = LambdaFunctionParameter { name: Ident::new(parameter), data_type: None };
    Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::One(parameter),
        body: Box::new(body),
        syntax: LambdaSyntax::Arrow,
    })
}

pub(super) fn binary(left: &Expr, op: BinaryOperator, right: &Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left.clone()), op, right: Box::new(right.clone()) }
}

/// A whole number from `start` on and below `end`.
fn random_between(start: &Expr, end: &Expr) -> Expr {
    let span = parenthesized(binary(&parenthesized(end.clone()), BinaryOperator::Minus, &parenthesized(start.clone())));
    let offset = call("floor", vec![binary(&call("random", Vec::new()), BinaryOperator::Multiply, &span)]);
    let number = binary(&parenthesized(start.clone()), BinaryOperator::Plus, &cast(&offset, DataType::BigInt(None)));
    parenthesized(number)
}

fn negative(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(expr) }
}

fn negated(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(parenthesized(expr)) }
}

pub(super) fn parenthesized(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

pub(super) fn cast(expr: &Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr.clone()), data_type, array: false, format: None }
}

pub(super) fn text(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

pub(super) fn number(number: u32) -> Expr {
    Expr::Value(Value::Number(number.to_string(), false).into())
}
