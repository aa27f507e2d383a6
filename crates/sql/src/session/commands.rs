//! Statements for the session itself: prepared statements, and tables of log files.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::sql::parser::Statement as ParsedStatement;
use datafusion::sql::sqlparser::ast::Expr;
use trailql_dialect::{Command, Notice, bind_arguments, readable};
use trailql_table::RawTable;

use super::{Session, Started, own_rank, parse};
use crate::error::SqlError;
use crate::parameter::BindError;

impl Session {
    /// Carries out a command for the session itself; there are no rows.
    pub(super) async fn obey(&self, command: Command) -> Result<Started, BindError> {
        let mut notices = Vec::new();
        match command {
            Command::Prepare { name, query } => {
                // A query that cannot be read is an error now.
                parse(&readable(&query))?;
                self.shared_mut().prepared.insert(name, query);
            }
            Command::Deallocate { name } => {
                self.shared_mut().prepared.remove(&name);
            }
            Command::LogFiles { name, .. } if own_rank(&name).is_own() => {
                let reason = format!("CREATE EXTERNAL TABLE: {name} is there already, and is not read from elsewhere");
                notices.push(Notice::NothingDone { reason });
            }
            Command::LogFiles { name, location } => self.register_log_files(&name, location).await?,
            Command::Nothing(notice) => notices.push(notice),
            other => return Err(DataFusionError::Plan(format!("{other:?} is no command")).into()),
        }
        Ok(self.execute(LogicalPlanBuilder::empty(false).build()?, notices).await?)
    }

    /// Reads a prepared statement with its arguments.
    pub(super) fn prepared(&self, name: &str, arguments: &[Expr]) -> Result<ParsedStatement, BindError> {
        let Some(query) = self.shared().prepared.get(name).cloned() else {
            return Err(SqlError::NotPrepared { name: name.to_owned() }.into());
        };
        let mut parsed = parse(&readable(&query))?;
        if let ParsedStatement::Statement(statement) = &mut parsed {
            bind_arguments(statement, arguments)?;
        }
        Ok(parsed)
    }

    /// Makes the log files at a location a table of the session.
    async fn register_log_files(&self, name: &str, location: String) -> Result<(), BindError> {
        let sources = [location.clone()];
        let opened = RawTable::open(&self.stores, &sources).await;
        let table = opened.map_err(|source| SqlError::LogFiles { location, source: Box::new(source) })?;
        let schema = table.schema();
        self.context.deregister_table(name)?;
        self.context.register_table(name, Arc::new(table))?;
        self.shared_mut().note_own(name, &schema);
        Ok(())
    }
}
