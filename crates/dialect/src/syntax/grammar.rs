//! The grammar: DataFusion's generic one, with Trino's lambdas and types, and DuckDB's trailing commas.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, Ident, ObjectName, StructBracketKind, StructField, UnaryOperator,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Word};

use super::calls::call;
use super::{comprehensions, glob, intervals, like_lists, quantified, sql_json};

/// The dialect that statements are parsed in.
#[derive(Debug, Default, Clone, Copy)]
pub struct TrinoDialect;

macro_rules! allow {
    ($($flag:ident)*) => {
        $(fn $flag(&self) -> bool {
            true
        })*
    };
}

impl Dialect for TrinoDialect {
    /// Where the parser asks for a dialect by name, it is the generic one.
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        GenericDialect {}.is_delimited_identifier_start(c)
    }

    fn is_identifier_start(&self, c: char) -> bool {
        GenericDialect {}.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        GenericDialect {}.is_identifier_part(c)
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        match parser.peek_token_ref().token {
            Token::LBracket => return comprehensions::parse(parser),
            // Of `-2 ** 2` the base is -2.
            Token::Minus if is_power(parser, 2) => {
                parser.next_token();
                let negative = |expr| Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(expr) };
                return Some(parser.parse_prefix().map(negative));
            }
            _ => {}
        }
        let Token::Word(word) = parser.peek_token().token else { return None };
        match (word.value.to_ascii_uppercase().as_str(), parser.peek_nth_token(1).token) {
            _ if word.quote_style.is_some() && parser.peek_nth_token(1).token != Token::Arrow => None,
            ("CAST", Token::LParen) => parser.maybe_parse(|parser| parse_cast(parser, CastKind::Cast)).transpose(),
            ("TRY_CAST", Token::LParen) => {
                parser.maybe_parse(|parser| parse_cast(parser, CastKind::TryCast)).transpose()
            }
            ("INTERVAL", _) => intervals::parse(parser),
            ("IPADDRESS" | "IPPREFIX", Token::SingleQuotedString(_)) => {
                parser.next_token();
                Some(parser.parse_value().map(|address| call("ipaddress", vec![Expr::Value(address)])))
            }
            // `column -> 'name'` takes a member of JSON; it is no lambda.
            (_, Token::Arrow) if is_literal(&parser.peek_nth_token(2).token) => {
                Some(parser.parse_identifier().map(Expr::Identifier))
            }
            (name, _) => sql_json::parse(parser, name),
        }
    }

    /// DuckDB's `element IN list`, with no parentheses around the list, `x = ANY (VALUES …)`, `x LIKE ANY (…)` and `x IS
    /// DISTINCT FROM y`.
    fn parse_infix(&self, parser: &mut Parser<'_>, expr: &Expr, _precedence: u8) -> Option<Result<Expr, ParserError>> {
        let comparison = quantified::parse(parser, expr)
            .or_else(|| like_lists::parse(parser, expr))
            .or_else(|| glob::parse(parser, expr))
            .or_else(|| distinct_from(parser, expr));
        if comparison.is_some() {
            return comparison;
        }
        if is_power(parser, 0) {
            return Some(power(parser, expr));
        }
        let negated = is_keyword(parser, 0, Keyword::NOT);
        let at = usize::from(negated);
        let names_list = match parser.peek_nth_token(at + 1).token {
            Token::Word(word) => word.keyword != Keyword::UNNEST,
            token => matches!(token, Token::Placeholder(_) | Token::LBracket),
        };
        if !is_keyword(parser, at, Keyword::IN) || !names_list {
            return None;
        }
        (0..=at).for_each(|_| drop(parser.next_token()));
        let list = parser.parse_subexpr(self.prec_value(Precedence::Between));
        Some(list.map(|list| {
            let found = call("contains", vec![list, expr.clone()]);
            if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(found) } } else { found }
        }))
    }

    /// `json -> 'a' = 'x'` compares the member, as its author means; DuckDB itself wants parentheses there.
    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        let is_arrow = matches!(parser.peek_token_ref().token, Token::Arrow | Token::LongArrow);
        if glob::is_next(parser) {
            return Some(Ok(self.prec_value(Precedence::Like)));
        }
        if is_power(parser, 0) {
            return Some(Ok(self.prec_value(Precedence::AtTz)));
        }
        is_arrow.then(|| Ok(self.prec_value(Precedence::AtTz)))
    }

    allow! {
        allow_extract_custom
        allow_extract_single_quotes
        support_map_literal_syntax
        supports_array_join_syntax
        supports_array_typedef_with_brackets
        supports_asc_desc_in_column_definition
        supports_bitwise_shift_operators
        supports_comma_separated_set_assignments
        supports_comma_separated_trim
        supports_comment_on
        supports_comment_optimizer_hint
        supports_connect_by
        supports_constraint_keyword_without_name
        supports_create_index_with_clause
        supports_create_view_comment_syntax
        supports_cte_without_as
        supports_data_type_signed_suffix
        supports_detach
        supports_dictionary_syntax
        supports_empty_projections
        supports_explain_with_utility_options
        supports_extract_comma_syntax
        supports_filter_during_aggregation
        supports_from_first_select
        supports_group_by_expr
        supports_group_by_with_modifier
        supports_install
        supports_interpolate
        supports_interval_options
        supports_key_column_option
        supports_lambda_functions
        supports_left_associative_joins_without_parens
        supports_limit_by
        supports_limit_comma
        supports_load_extension
        supports_match_against
        supports_match_recognize
        supports_multiline_comment_hints
        supports_named_fn_args_with_assignment_operator
        supports_nested_comments
        supports_optimize_table
        supports_order_by_all
        supports_parens_around_table_factor
        supports_parenthesized_set_variables
        supports_partition_by_after_order_by
        supports_pipe_operator
        supports_prewhere
        supports_projection_trailing_commas
        supports_quote_delimited_string
        supports_select_expr_star
        supports_select_format
        supports_select_item_multi_column_alias
        supports_select_wildcard_except
        supports_select_wildcard_exclude
        supports_select_wildcard_ilike
        supports_select_wildcard_rename
        supports_select_wildcard_replace
        supports_set_names
        supports_settings
        supports_start_transaction_modifier
        supports_string_escape_constant
        supports_struct_literal
        supports_trailing_commas
        supports_try_convert
        supports_unicode_string_literal
        supports_update_order_by
        supports_user_host_grantee
        supports_values_as_table_factor
        supports_window_clause_named_window_reference
        supports_window_function_null_treatment_arg
        supports_with_fill
        supports_xml_expressions
    }
}

/// DuckDB's `x ** y`.
fn is_power(parser: &Parser<'_>, at: usize) -> bool {
    (at..at + 2).all(|at| parser.peek_nth_token_ref(at).token == Token::Mul)
}

fn power(parser: &mut Parser<'_>, base: &Expr) -> Result<Expr, ParserError> {
    (0..2).for_each(|_| drop(parser.next_token()));
    let exponent = parser.parse_subexpr(TrinoDialect.prec_value(Precedence::AtTz))?;
    Ok(call("power", vec![base.clone(), exponent]))
}

pub(super) fn is_keyword(parser: &Parser<'_>, at: usize, keyword: Keyword) -> bool {
    matches!(parser.peek_nth_token_ref(at).token, Token::Word(Word { keyword: found, .. }) if found == keyword)
}

/// `x IS DISTINCT FROM y AND z`: the parser itself would compare with `y AND z`.
fn distinct_from(parser: &mut Parser<'_>, left: &Expr) -> Option<Result<Expr, ParserError>> {
    let negated = is_keyword(parser, 1, Keyword::NOT);
    let at = 1 + usize::from(negated);
    let is_next = is_keyword(parser, 0, Keyword::IS)
        && is_keyword(parser, at, Keyword::DISTINCT)
        && is_keyword(parser, at + 1, Keyword::FROM);
    if !is_next {
        return None;
    }
    (0..at + 2).for_each(|_| drop(parser.next_token()));
    let right = parser.parse_subexpr(TrinoDialect.prec_value(Precedence::Is));
    let left = Box::new(left.clone());
    Some(right.map(|right| match negated {
        true => Expr::IsNotDistinctFrom(left, Box::new(right)),
        false => Expr::IsDistinctFrom(left, Box::new(right)),
    }))
}

fn is_literal(token: &Token) -> bool {
    matches!(token, Token::SingleQuotedString(_) | Token::Number(..))
}

fn parse_cast(parser: &mut Parser<'_>, kind: CastKind) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let expr = Box::new(parser.parse_expr()?);
    parser.expect_keyword(Keyword::AS)?;
    let data_type = parse_type(parser)?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Cast { kind, expr, data_type, array: false, format: None })
}

/// Reads a type with Trino's `ARRAY(t)`, `MAP(k, v)`, `ROW(a t, …)` and `JSON` at any depth.
pub(super) fn parse_type(parser: &mut Parser<'_>) -> Result<DataType, ParserError> {
    let Token::Word(word) = parser.peek_token().token else { return parser.parse_data_type() };
    let name = word.value.to_ascii_uppercase();
    let has_arguments = parser.peek_nth_token(1).token == Token::LParen;
    match (name.as_str(), has_arguments) {
        ("ARRAY", true) => {
            open(parser)?;
            let item = parse_type(parser)?;
            parser.expect_token(&Token::RParen)?;
            Ok(DataType::Array(ArrayElemTypeDef::AngleBracket(Box::new(item))))
        }
        ("MAP", true) => {
            open(parser)?;
            let key = parse_type(parser)?;
            parser.expect_token(&Token::Comma)?;
            let value = parse_type(parser)?;
            parser.expect_token(&Token::RParen)?;
            Ok(DataType::Map(Box::new(key), Box::new(value)))
        }
        ("ROW", true) => {
            open(parser)?;
            let fields = parser.parse_comma_separated(parse_row_field)?;
            parser.expect_token(&Token::RParen)?;
            Ok(DataType::Struct(fields, StructBracketKind::Parentheses))
        }
        ("IPADDRESS" | "IPPREFIX", false) => {
            parser.next_token();
            Ok(DataType::Custom(ObjectName::from(vec![Ident::new("ipaddress")]), Vec::new()))
        }
        _ => parser.parse_data_type(),
    }
}

fn open(parser: &mut Parser<'_>) -> Result<(), ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen).map(|_| ())
}

/// Reads `name type`, or a type alone.
fn parse_row_field(parser: &mut Parser<'_>) -> Result<StructField, ParserError> {
    let named = parser.maybe_parse(|parser| {
        let name = parser.parse_identifier()?;
        Ok(StructField { field_name: Some(name), field_type: parse_type(parser)?, options: None })
    })?;
    match named {
        Some(field) => Ok(field),
        None => Ok(StructField { field_name: None, field_type: parse_type(parser)?, options: None }),
    }
}
