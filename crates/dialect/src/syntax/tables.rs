//! Table names that published queries use, and what they mean here.

use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Statement, TableAlias, TableFactor, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::fold;
use super::grammar::TrinoDialect;

/// Which tables there are, and what an unknown name stands for.
#[derive(Debug, Clone, Default)]
pub struct TableNames {
    /// Tables and views of the session, lower case.
    pub known: HashSet<String>,
    /// The table that an unknown name which looks like CloudTrail's stands for; none where names are taken strictly.
    pub events: Option<String>,
    /// Other names of that table, lower case.
    pub aliases: HashSet<String>,
}

/// Something that the author of a query should know about its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A table name that the session has not stands for the table of events.
    TableRead {
        /// The name as the query has it.
        name: String,
        /// The table that it was taken for.
        table: String,
    },
    /// A column has no values here.
    ColumnAbsent {
        /// The column.
        column: String,
        /// Why that is so.
        reason: String,
    },
    /// A statement has nothing to do here.
    NothingDone {
        /// What the statement is for, and why that is so.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableRead { name, table } => write!(f, "{name} is read as {table}; --strict refuses such names"),
            Self::ColumnAbsent { column, reason } => write!(f, "{column} is NULL here: {reason}"),
            Self::NothingDone { reason } => f.write_str(reason),
        }
    }
}

/// Puts the table of events for names that stand for it.
pub(super) fn settle_tables<T: VisitMut>(node: &mut T, names: &TableNames) -> Vec<Notice> {
    let mut settler = Settler { names, ctes: Vec::new(), notices: Vec::new(), qualified: Vec::new() };
    let _ = node.visit(&mut settler);
    if !settler.qualified.is_empty() {
        let _ = node.visit(&mut Qualifiers { tables: settler.qualified });
    }
    settler.notices
}

struct Settler<'a> {
    names: &'a TableNames,
    /// Names of common table expressions in scope.
    ctes: Vec<String>,
    notices: Vec<Notice>,
    /// Database-qualified names, which columns may repeat.
    qualified: Vec<Vec<String>>,
}

impl VisitorMut for Settler<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes.extend(ctes.map(|cte| fold(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &mut Statement) -> ControlFlow<()> {
        if let Statement::ExplainTable { table_name: name, .. } | Statement::ShowCreate { obj_name: name, .. } =
            statement
            && let Some(parts) = parts(name)
            && let Some(table) = self.meant(&parts)
        {
            self.replace(name, &mut None, &parts, table);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor
            && let Some(parts) = parts(name)
        {
            if let Some(partitions) = self.partitions(&parts, alias.as_ref()) {
                *factor = partitions;
            } else if let Some(table) = self.meant(&parts) {
                self.replace(name, alias, &parts, table);
            }
        }
        ControlFlow::Continue(())
    }
}

impl Settler<'_> {
    /// The table that a name stands for, if it is not the session's own spelling of it.
    fn meant(&self, parts: &[Ident]) -> Option<String> {
        let last = fold(parts.last()?);
        if parts.len() == 1 && self.ctes.contains(&last) {
            return None;
        }
        let lower = last.to_lowercase();
        let is_built_in = |part: &Ident| matches!(fold(part).as_str(), "information_schema" | "public" | "datafusion");
        if parts.len() > 1 && parts[..parts.len() - 1].iter().any(is_built_in) {
            return None;
        }
        if self.names.known.contains(&last) {
            return (parts.len() > 1).then_some(last);
        }
        if self.names.known.contains(&lower) {
            return Some(lower);
        }
        let stands_for_events = self.names.aliases.contains(&lower) || parts.iter().any(looks_like_events);
        self.names.events.clone().filter(|_| stands_for_events)
    }

    fn replace(&mut self, name: &mut ObjectName, alias: &mut Option<TableAlias>, parts: &[Ident], table: String) {
        let Some(last) = parts.last() else { return };
        if fold(last).to_lowercase() != table {
            let notice = Notice::TableRead { name: name.to_string(), table: table.clone() };
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
        if parts.len() > 1 {
            self.qualified.push(parts.iter().map(fold).collect());
        }
        if alias.is_none() && fold(last) != table {
            *alias = Some(table_alias(last.clone()));
        }
        *name = ObjectName::from(vec![Ident { value: table, quote_style: None, span: last.span }]);
    }

    /// Athena's `"table$partitions"`: the distinct values of the partition columns.
    fn partitions(&self, parts: &[Ident], alias: Option<&TableAlias>) -> Option<TableFactor> {
        let last = fold(parts.last()?);
        let table = Ident::new(last.strip_suffix("$partitions")?);
        let events = self.names.events.as_deref().filter(|_| looks_like_events(&table))?;
        let query = format!(
            "SELECT DISTINCT account, region, year, month, day, \"timestamp\", \"date\" FROM {events} WHERE \"date\" IS NOT NULL"
        );
        let subquery = Parser::new(&TrinoDialect).try_with_sql(&query).ok()?.parse_query().ok()?;
        let alias = alias.cloned().unwrap_or_else(|| table_alias(parts.last().cloned().unwrap_or(table)));
        Some(TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None })
    }
}

fn table_alias(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

fn parts(name: &ObjectName) -> Option<Vec<Ident>> {
    name.0.iter().map(|part| part.as_ident().cloned()).collect()
}

/// Says whether a name is one that people give to CloudTrail's events: `cloudtrail_logs_2024`, `$EDS_ID`, a UUID.
fn looks_like_events(part: &Ident) -> bool {
    let name = part.value.to_lowercase().replace([' ', '-'], "_");
    let is_placeholder = name.starts_with(['$', '<', '*']) || name.starts_with("{{");
    let is_eds =
        |rest: &str| rest.is_empty() || rest.starts_with("id") || rest.starts_with(|c: char| !c.is_alphabetic());
    let is_store =
        name.strip_prefix("eds").is_some_and(is_eds) || name.contains("eds_id") || name.contains("event_data_store");
    is_placeholder || is_store || name.contains("trail") || is_uuid(&part.value)
}

/// Five groups with hyphens between them, as in a UUID; documentation leaves some of the digits out.
fn is_uuid(name: &str) -> bool {
    let groups: Vec<&str> = name.split('-').collect();
    groups.len() == 5
        && groups.iter().all(|group| !group.is_empty() && group.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Takes the database off columns that are qualified with it.
struct Qualifiers {
    tables: Vec<Vec<String>>,
}

impl VisitorMut for Qualifiers {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(names) = expr {
            let folded: Vec<String> = names.iter().map(fold).collect();
            let table = self.tables.iter().find(|table| folded.len() > table.len() && folded.starts_with(table));
            if let Some(table) = table {
                names.drain(..table.len() - 1);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn settle(sql: &str) -> (String, Vec<String>) {
        let names = TableNames {
            known: ["cloudtrail_logs", "mine"].map(str::to_owned).into(),
            events: Some("cloudtrail_logs".to_owned()),
            aliases: ["audit".to_owned()].into(),
        };
        let mut statement = Parser::parse_sql(&TrinoDialect, sql).unwrap().remove(0);
        let notices = settle_tables(&mut statement, &names);
        (statement.to_string(), notices.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn names_like_cloudtrails_stand_for_the_events() {
        for name in [
            "cloudtrail_000000000000",
            "\"my-db\".\"CloudTrail-prod\"",
            "audit",
            "EVENT_DATA_STORE_ID",
            "edsID",
            "eds1",
        ] {
            let (sql, notices) = settle(&format!("SELECT 1 FROM {name}"));
            assert!(sql.starts_with("SELECT 1 FROM cloudtrail_logs AS "), "{sql}");
            assert_eq!(notices.len(), 1, "{name}");
        }
    }

    #[test]
    fn known_names_stay() {
        for sql in
            ["SELECT 1 FROM mine", "SELECT 1 FROM cloudtrail_logs", "WITH trail AS (SELECT 1) SELECT 1 FROM trail"]
        {
            assert_eq!(settle(sql), (sql.to_owned(), Vec::new()));
        }
        for name in ["users", "edsel"] {
            assert!(settle(&format!("SELECT 1 FROM {name}")).1.is_empty());
        }
    }

    #[test]
    fn databases_fall_away() {
        assert_eq!(
            settle("SELECT db.cloudtrail_logs.a FROM db.cloudtrail_logs").0,
            "SELECT cloudtrail_logs.a FROM cloudtrail_logs"
        );
    }
}
