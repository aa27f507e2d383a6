//! From a statement's text to a tree that DataFusion can plan.
//!
//! [`readable`] changes text that is no SQL yet, [`Command`] takes statements for the session itself; the rest are
//! rewrites of the tree.

mod absent_columns;
mod aggregates;
mod array_aggregates;
mod calls;
mod column_names;
mod columns_call;
mod command;
mod comprehensions;
mod correlated_unnest;
mod decimals;
mod distinct_order;
mod duckdb;
mod field_access;
mod filters;
mod from_clause;
mod from_first;
mod glob;
mod grammar;
mod intervals;
mod lambda_calls;
mod like_lists;
mod literals;
mod made_columns;
mod member_names;
mod order_all;
mod outer_members;
mod own_exprs;
mod pairwise;
mod patterns;
mod quantified;
mod quoted_name;
mod relations;
mod repeated_casts;
mod row_members;
mod row_wildcard;
mod rows;
mod select_aliases;
mod show;
mod sql_json;
mod store_name;
mod tables;
mod tailpipe;
mod using_columns;
mod values_rows;
mod wildcard;
mod words;

use std::borrow::Cow;
use std::collections::HashSet;

use datafusion::error::Result;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Statement, VisitMut};

pub use command::Command;
pub(crate) use decimals::DECIMAL_LITERAL;
pub use grammar::TrinoDialect;
pub use relations::TableColumns;
pub use row_wildcard::RowMembers;
pub use tables::{Notice, TableNames};
pub use wildcard::WideRelations;

/// Spells text that the parser would refuse in a way that it knows.
pub fn readable(text: &str) -> Cow<'_, str> {
    let respelled = command::respelled(text).or_else(|| show::respelled(text));
    let named = store_name::readable(respelled.as_deref().unwrap_or(text));
    let filtered = filters::with_where(&named);
    match values_rows::parenthesized(&filtered) {
        Cow::Borrowed(_) if respelled.is_none() && matches!(filtered, Cow::Borrowed(_)) => match named {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(named) => Cow::Owned(named),
        },
        settled => Cow::Owned(settled.into_owned()),
    }
}

/// Puts arguments for the `?` of a statement, in their order.
pub fn bind_arguments(statement: &mut Statement, arguments: &[Expr]) -> Result<()> {
    command::bind(statement, arguments)
}

/// What a session knows, by which names are settled.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Which tables there are, and what an unknown one stands for.
    pub tables: TableNames,
    /// The columns of every table.
    pub columns: TableColumns,
    /// Relations with virtual columns, which `*` leaves out.
    pub wide: WideRelations,
    /// The members of rows among trailql's own columns.
    pub row_members: RowMembers,
    /// Lower-case names of trailql's own columns and struct members.
    pub own_columns: HashSet<String>,
    /// Column names of the session's own tables, which quoted names mean exactly.
    pub session_columns: HashSet<String>,
}

impl Names {
    /// Settles names, wildcards and Trino's constructs in a statement; returns what its author should know.
    pub fn settle(&self, statement: &mut Statement) -> Vec<Notice> {
        let notices = self.settle_query(statement);
        quoted_name::fold_quoted_names(statement, &self.own_columns, &self.session_columns);
        notices
    }

    /// As [`settle`](Self::settle), for a query within another statement.
    pub fn settle_query<T: VisitMut>(&self, query: &mut T) -> Vec<Notice> {
        from_first::settle_from_first(query);
        column_names::settle_column_names(query);
        order_all::settle_order_all(query);
        distinct_order::settle_distinct_orders(query);
        let mut notices = tables::settle_tables(query, &self.tables);
        notices.extend(absent_columns::settle_absent_columns(query, self));
        member_names::settle_member_names(query, self);
        // So that a member's name is taken for no column's; and again for what the others make.
        field_access::settle_field_access(query);
        columns_call::settle_columns_calls(query, self);
        select_aliases::settle_select_aliases(query, self);
        row_wildcard::expand_row_wildcards(query, self);
        wildcard::exclude_virtual_columns(query, &self.wide);
        made_columns::prefer_made_columns(query, &self.wide);
        using_columns::qualify_using_columns(query);
        correlated_unnest::settle_correlated_unnests(query);
        outer_members::settle_outer_members(query);
        field_access::settle_field_access(query);
        from_clause::settle_from_clauses(query);
        patterns::settle_patterns(query);
        tailpipe::settle_tailpipes(query);
        calls::settle_calls(query);
        decimals::mark_decimals(query);
        repeated_casts::settle_repeated_casts(query);
        notices
    }
}

/// Says which name an identifier means, in the way SQL compares names.
pub(crate) fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}
