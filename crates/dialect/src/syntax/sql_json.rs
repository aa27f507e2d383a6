//! SQL's own JSON functions, `json_exists`, `json_value`, `json_query`, `json_array` and `json_object`, read by the
//! parser as what the other JSON functions make of them.

use datafusion::sql::sqlparser::ast::{Array, BinaryOperator, CastKind, DataType, Expr, Value};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::calls::{binary, call, cast, if_else, null_if_any_is, number, parenthesized, text};
use super::grammar::parse_type;

/// Reads such a call, if one begins here.
pub(super) fn parse(parser: &mut Parser<'_>, name: &str) -> Option<Result<Expr, ParserError>> {
    if parser.peek_nth_token(1).token != Token::LParen {
        return None;
    }
    let read = match name {
        "JSON_EXISTS" => exists,
        "JSON_VALUE" => value,
        "JSON_QUERY" => query,
        "JSON_ARRAY" => array,
        "JSON_OBJECT" => object,
        _ => return None,
    };
    parser.next_token();
    parser.next_token();
    Some(read(parser).and_then(|expr| parser.expect_token(&Token::RParen).map(|_| expr)))
}

fn exists(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let subject = subject(parser)?;
    on_problem(parser, "json_exists")?;
    let found = subject.found();
    let is_found = match subject.is_many() {
        true => binary(&call("json_array_length", vec![found]), BinaryOperator::Gt, &number(0)),
        false => Expr::IsNotNull(Box::new(found)),
    };
    let is_found = call("coalesce", vec![is_found, Expr::Value(Value::Boolean(false).into())]);
    Ok(null_if_any_is(is_found, &[subject.json]))
}

fn value(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let subject = subject(parser)?;
    let wanted = returning(parser)?;
    let problem = on_problem(parser, "json_value")?;
    let typed = |found: Expr| match wanted.clone() {
        Some(data_type) => {
            let (kind, expr) = (CastKind::TryCast, Box::new(found));
            Expr::Cast { kind, expr, data_type, array: false, format: None }
        }
        None => found,
    };
    let arguments = vec![subject.json.clone(), text(&subject.path)];
    if subject.is_strict {
        let default = problem.value(!has_wildcard(&subject.path));
        return Ok(or_default(typed(call("json_extract_scalar", arguments)), default));
    }
    let found = typed(call("json_only_scalar", arguments));
    if problem.on_empty.is_none() && problem.on_error.is_none() {
        return Ok(found);
    }
    let is_null = is_one(&subject, |item| binary(&item, BinaryOperator::Eq, &text("null")));
    Ok(subject.settled(found, is_null, problem))
}

/// What `json_query` puts around what a path finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapper {
    None,
    IfNeeded,
    Always,
}

fn query(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let subject = subject(parser)?;
    returning(parser)?;
    let wrapper = wrapper(parser)?;
    let keeps_quotes = !word(parser, "OMIT");
    if !keeps_quotes || word(parser, "KEEP") {
        expect_word(parser, "QUOTES")?;
        if word(parser, "ON") {
            expect_word(parser, "SCALAR")?;
            expect_word(parser, "STRING")?;
        }
    }
    let problem = on_problem(parser, "json_query")?;
    let all = subject.found();
    let one = match subject.is_many() {
        // Exactly one, or none that could be given alone.
        true => {
            let is_one = binary(&call("json_array_length", vec![all.clone()]), BinaryOperator::Eq, &number(1));
            if_else(&is_one, &call("json_extract", vec![all.clone(), text("$[0]")]), None)
        }
        false => all.clone(),
    };
    let list = match subject.is_many() {
        true => call("json_format", vec![all]),
        false => call("concat", vec![text("["), call("json_format", vec![all]), text("]")]),
    };
    let alone = match keeps_quotes {
        true => call("json_format", vec![one.clone()]),
        false => call(
            "coalesce",
            vec![call("json_extract_scalar", vec![one.clone(), text("$")]), call("json_format", vec![one.clone()])],
        ),
    };
    let found = match wrapper {
        Wrapper::None => alone,
        Wrapper::Always => list,
        Wrapper::IfNeeded => {
            let scalar =
                call("coalesce", vec![call("is_json_scalar", vec![one]), Expr::Value(Value::Boolean(true).into())]);
            if_else(&scalar, &list, Some(&alone))
        }
    };
    if subject.is_strict {
        return Ok(or_default(found, problem.value(!has_wildcard(&subject.path))));
    }
    Ok(subject.settled(found, Expr::Value(Value::Boolean(false).into()), problem))
}

/// Whether a lax path leads to one item, and that one is as it should be.
fn is_one(subject: &Subject, is_right: impl Fn(Expr) -> Expr) -> Expr {
    let items = subject.found();
    let is_one = binary(&call("json_array_length", vec![items.clone()]), BinaryOperator::Eq, &number(1));
    binary(&is_one, BinaryOperator::And, &is_right(call("json_extract", vec![items, text("$[0]")])))
}

fn wrapper(parser: &mut Parser<'_>) -> Result<Wrapper, ParserError> {
    let wrapper = if word(parser, "WITHOUT") {
        Wrapper::None
    } else if parser.parse_keyword(Keyword::WITH) {
        if word(parser, "CONDITIONAL") {
            Wrapper::IfNeeded
        } else {
            let _ = word(parser, "UNCONDITIONAL");
            Wrapper::Always
        }
    } else {
        return Ok(Wrapper::None);
    };
    let _ = word(parser, "ARRAY");
    expect_word(parser, "WRAPPER")?;
    Ok(wrapper)
}

/// `json_array(1, 'a')`; NULLs are left out unless the call says `NULL ON NULL`.
fn array(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let values = listed(parser, |parser| parser.parse_expr())?;
    let keeps_nulls = on_null(parser, false)?;
    Ok(joined("[", values.into_iter().map(|value| json_text(value, keeps_nulls)).collect(), "]"))
}

/// `json_object('a' : 1, KEY 'b' VALUE 2)` and DuckDB's `json_object('a', 1)`; NULLs are kept unless the call says `ABSENT ON NULL`.
fn object(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let members = listed(parser, |parser| {
        let _ = word(parser, "KEY");
        // A colon right behind the key would be taken for a path into it.
        let key = match parser.peek_nth_token(1).token {
            Token::Colon => parser.parse_prefix()?,
            _ => parser.parse_expr()?,
        };
        // DuckDB has a comma there.
        if !word(parser, "VALUE") && !parser.consume_token(&Token::Comma) {
            parser.expect_token(&Token::Colon)?;
        }
        Ok((key, parser.parse_expr()?))
    })?;
    let keeps_nulls = on_null(parser, true)?;
    let member = |(key, value)| {
        let key = cast(&key, DataType::Varchar(None));
        call("concat", vec![json_text(key, false), text(":"), json_text(value, keeps_nulls)])
    };
    Ok(joined("{", members.into_iter().map(member).collect(), "}"))
}

/// Reads a list that may be empty.
fn listed<T>(
    parser: &mut Parser<'_>,
    item: impl FnMut(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<Vec<T>, ParserError> {
    let is_empty = parser.peek_token().token == Token::RParen;
    if is_empty { Ok(Vec::new()) } else { parser.parse_comma_separated(item) }
}

fn on_null(parser: &mut Parser<'_>, default: bool) -> Result<bool, ParserError> {
    let keeps = parser.parse_keyword(Keyword::NULL);
    let is_said = keeps || word(parser, "ABSENT");
    if is_said {
        parser.expect_keywords(&[Keyword::ON, Keyword::NULL])?;
    }
    Ok(if is_said { keeps } else { default })
}

fn json_text(value: Expr, keeps_nulls: bool) -> Expr {
    let spelled = call("json_format", vec![cast(&value, DataType::JSON)]);
    if keeps_nulls { call("coalesce", vec![spelled, text("null")]) } else { spelled }
}

/// Puts pieces of text together, with commas between those that are not NULL.
fn joined(open: &str, pieces: Vec<Expr>, close: &str) -> Expr {
    if pieces.is_empty() {
        return text(&format!("{open}{close}"));
    }
    let pieces = Expr::Array(Array { elem: pieces, named: true });
    call("concat", vec![text(open), call("array_join", vec![pieces, text(",")]), text(close)])
}

/// What a call looks into, and where.
struct Subject {
    json: Expr,
    path: String,
    /// A path that leads nowhere is an error and not just empty.
    is_strict: bool,
}

impl Subject {
    /// Says whether what is found comes as an array.
    fn is_many(&self) -> bool {
        !self.is_strict || has_wildcard(&self.path)
    }

    fn found(&self) -> Expr {
        let function = if self.is_strict { "json_extract" } else { "json_items" };
        call(function, vec![self.json.clone(), text(&self.path)])
    }

    /// What a lax path gives where it finds something, something else, or nothing.
    fn settled(&self, found: Expr, is_null: Expr, problem: OnProblem) -> Expr {
        let items = self.found();
        let is_empty = binary(&call("json_array_length", vec![items.clone()]), BinaryOperator::Eq, &number(0));
        let null = || Expr::Value(Value::Null.into());
        let OnProblem { on_empty, on_error } = problem;
        let found = match on_error {
            Some(on_error) => {
                let is_known = binary(&is_null, BinaryOperator::Or, &Expr::IsNull(Box::new(self.json.clone())));
                if_else(&parenthesized(is_known), &null(), Some(&call("coalesce", vec![found, on_error])))
            }
            None => found,
        };
        // Nothing to find gives no item, and a wrapper is not put around it.
        if_else(&is_empty, &on_empty.unwrap_or_else(null), Some(&found))
    }
}

/// Reads the JSON and the path; without a word before it, a path is lax.
fn subject(parser: &mut Parser<'_>) -> Result<Subject, ParserError> {
    let json = parser.parse_expr()?;
    if word(parser, "FORMAT") {
        expect_word(parser, "JSON")?;
    }
    parser.expect_token(&Token::Comma)?;
    let path = parser.parse_literal_string()?;
    let path = path.trim();
    let strict = path.strip_prefix("strict ");
    let path = strict.or_else(|| path.strip_prefix("lax ")).unwrap_or(path).trim_start().to_owned();
    Ok(Subject { json, path, is_strict: strict.is_some() })
}

fn has_wildcard(path: &str) -> bool {
    path.contains("[*]") || path.contains(".*")
}

fn returning(parser: &mut Parser<'_>) -> Result<Option<DataType>, ParserError> {
    if !parser.parse_keyword(Keyword::RETURNING) {
        return Ok(None);
    }
    let wanted = parse_type(parser)?;
    if word(parser, "FORMAT") {
        expect_word(parser, "JSON")?;
    }
    Ok(Some(wanted))
}

/// What stands for nothing found, and for a path that leads nowhere.
#[derive(Default)]
struct OnProblem {
    on_empty: Option<Expr>,
    on_error: Option<Expr>,
}

impl OnProblem {
    fn value(self, is_error: bool) -> Option<Expr> {
        if is_error { self.on_error } else { self.on_empty }
    }
}

/// Reads `NULL ON EMPTY DEFAULT 1 ON ERROR`. Errors are NULL here, but for those of a strict path.
fn on_problem(parser: &mut Parser<'_>, function: &str) -> Result<OnProblem, ParserError> {
    let mut defaults = OnProblem::default();
    while parser.peek_token().token != Token::RParen {
        let given = if word(parser, "EMPTY") {
            let is_object = word(parser, "OBJECT");
            let _ = word(parser, "ARRAY");
            Some(text(if is_object { "{}" } else { "[]" }))
        } else if parser.parse_keyword(Keyword::DEFAULT) {
            Some(parser.parse_expr()?)
        } else if ["NULL", "UNKNOWN", "FALSE"].iter().any(|nothing| word(parser, nothing)) {
            None
        } else {
            return Err(ParserError::ParserError(format!(
                "{function}: NULL ON EMPTY, NULL ON ERROR and DEFAULT x ON EMPTY are understood, {} is not; for an \
                 error write NULL ON ERROR and a condition",
                parser.peek_token()
            )));
        };
        parser.expect_keyword(Keyword::ON)?;
        if word(parser, "EMPTY") {
            defaults.on_empty = given;
        } else {
            expect_word(parser, "ERROR")?;
            defaults.on_error = given;
        }
    }
    Ok(defaults)
}

fn or_default(found: Expr, default: Option<Expr>) -> Expr {
    match default {
        Some(default) => call("coalesce", vec![found, default]),
        None => found,
    }
}

/// Takes a word, if it is the next one.
fn word(parser: &mut Parser<'_>, wanted: &str) -> bool {
    let is_next = match &parser.peek_token_ref().token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted),
        _ => false,
    };
    if is_next {
        parser.next_token();
    }
    is_next
}

fn expect_word(parser: &mut Parser<'_>, wanted: &str) -> Result<(), ParserError> {
    if word(parser, wanted) { Ok(()) } else { parser.expected(wanted, parser.peek_token()) }
}
