//! One user's SQL session over the lake and raw log files.

mod commands;
mod own_columns;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arrow::datatypes::Schema;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{CopyToSource, DFParser, DFParserBuilder, Statement as ParsedStatement};
use datafusion::sql::sqlparser::ast::{Statement as SqlStatement, TableObject};
use trailql_dialect::{
    Command, Notice, RowMembers, TableColumns, TableNames, TrinoDialect, WideRelations, described, install, readable,
};
use trailql_export::Place;
use trailql_lake::Lake;
use trailql_store::Stores;
use trailql_table::{LakeTable, ProofTable, VIRTUAL_COLUMNS};

use self::own_columns::{note_members, note_rows};
use crate::answer::{Answer, Stopwatch};
use crate::catalog::{FunctionInfo, FunctionKind, TableInfo, TableKind, columns};
use crate::config::SessionOptions;
use crate::error::SqlError;
use crate::export::{Copy, ExportOptions, arrange};
use crate::live_table::LiveTable;
use crate::parameter::{BindError, Parameters};
use crate::read_only;
use crate::script::Statement;
use crate::suggest::Names;
use crate::views::BUILT_IN_VIEWS;

/// The table of the lake's events.
pub const LOGS_TABLE: &str = "cloudtrail_logs";

/// The table of log files that were never ingested.
pub const RAW_TABLE: &str = "cloudtrail_raw";

/// The table of what is known about the integrity of log files.
pub const INTEGRITY_TABLE: &str = "cloudtrail_integrity";

/// The table of what is known about digests.
pub const DIGESTS_TABLE: &str = "cloudtrail_digests";

/// trailql's own tables, in the order in which they are listed.
const OWN_TABLES: [&str; 4] = [LOGS_TABLE, RAW_TABLE, INTEGRITY_TABLE, DIGESTS_TABLE];

/// How deep a query may nest; beyond it the parser refuses instead of overflowing the stack.
const MAX_NESTING: usize = 200;

/// Answers SQL. Cheap to share by reference; statements may run side by side.
pub struct Session {
    context: SessionContext,
    shared: RwLock<Shared>,
    stores: Stores,
}

/// What statements read and the session's owner changes.
#[derive(Default)]
struct Shared {
    parameters: Parameters,
    live_tables: HashMap<&'static str, Arc<LiveTable>>,
    /// The columns of trailql's own relations.
    columns: TableColumns,
    wide: WideRelations,
    /// Lower-case names of trailql's own columns and struct members.
    own_columns: HashSet<String>,
    row_members: RowMembers,
    /// Other names of the table of events, lower case.
    aliases: HashSet<String>,
    is_strict: bool,
    /// Texts of prepared statements, by lower-case name.
    prepared: HashMap<String, String>,
}

impl Session {
    /// Makes a session without tables.
    pub fn try_new(options: &SessionOptions) -> Result<Self, SqlError> {
        let builder = SessionStateBuilder::new()
            .with_config(options.session_config())
            .with_runtime_env(options.runtime().map_err(SqlError::Setup)?)
            .with_default_features();
        let state = install(builder).map_err(SqlError::Setup)?;
        Ok(Self {
            context: SessionContext::new_with_state(state),
            shared: RwLock::default(),
            stores: options.stores.clone(),
        })
    }

    /// Returns DataFusion's own context.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Makes what `lake` knows about the integrity of log files the session's tables, or their newer state; without a
    /// lake, nothing is known.
    pub fn set_proofs(&self, lake: Option<&Lake>) -> Result<(), SqlError> {
        self.replace_or_register(INTEGRITY_TABLE, Arc::new(ProofTable::logs(lake)))?;
        self.replace_or_register(DIGESTS_TABLE, Arc::new(ProofTable::digests(lake))).map(|_| ())
    }

    /// Makes the tables of `lake` the session's, or its newer state.
    pub async fn set_lake(&self, lake: &Lake) -> Result<(), SqlError> {
        self.set_proofs(Some(lake))?;
        self.set_logs(Arc::new(LakeTable::new(lake))).await
    }

    /// Makes `provider` the lake's table of events, or its newer state; the views of [`BUILT_IN_VIEWS`] come with it.
    pub async fn set_logs(&self, provider: Arc<dyn TableProvider>) -> Result<(), SqlError> {
        if self.replace_or_register(LOGS_TABLE, provider)? {
            self.register_views(LOGS_TABLE).await.map_err(SqlError::Setup)?;
        }
        Ok(())
    }

    /// Makes `provider` the table of log files in place. Without a lake, the views are views of it.
    pub async fn set_raw(&self, provider: Arc<dyn TableProvider>) -> Result<(), SqlError> {
        let is_new = self.replace_or_register(RAW_TABLE, provider)?;
        let has_lake = self.shared().live_tables.contains_key(LOGS_TABLE);
        if is_new && !has_lake {
            self.register_views(RAW_TABLE).await.map_err(SqlError::Setup)?;
        }
        Ok(())
    }

    /// Gives `$name` a value.
    pub fn set_parameter(&self, name: &str, value: &str) {
        self.shared_mut().parameters.set(name, value);
    }

    /// Makes `name` another name of the table of events, which then is no unknown table.
    pub fn add_table_alias(&self, name: &str) {
        self.shared_mut().aliases.insert(name.to_lowercase());
    }

    /// Takes table names as they are: one that is unknown, whatever it looks like, is an error.
    pub fn set_strict(&self, is_strict: bool) {
        self.shared_mut().is_strict = is_strict;
    }

    /// Plans a statement and starts it; the rows come from the answer.
    ///
    /// Dropping the future or the answer cancels.
    pub async fn run(&self, statement: &Statement) -> Result<Answer, SqlError> {
        let Some(copy) = Copy::parse(statement.text()).transpose()? else {
            return self.answer(statement, &[]).await;
        };
        let query = statement.with_text(copy.query);
        let answer = self.answer(&query, &copy.options.partition_by).await?;
        Ok(answer.exported(self.stores.clone(), copy.place, copy.options))
    }

    /// Plans a query and starts it; its rows go to a file or folder while the answer, their number, is asked for.
    ///
    /// Nothing is seen there before all is written; see [`trailql_export`]. Statements without rows are just run.
    pub async fn export(
        &self,
        statement: &Statement,
        place: Place,
        options: ExportOptions,
    ) -> Result<Answer, SqlError> {
        if Copy::parse(statement.text()).is_some() {
            let message =
                "COPY and UNLOAD say themselves where their rows go; leave out -o, or give it the query alone";
            return Err(SqlError::Export { message: message.to_owned() });
        }
        let answer = self.answer(statement, &options.partition_by).await?;
        Ok(if answer.has_columns() { answer.exported(self.stores.clone(), place, options) } else { answer })
    }

    async fn answer(&self, statement: &Statement, partition_by: &[String]) -> Result<Answer, SqlError> {
        let started = Stopwatch::start(&self.stores);
        match self.start(statement, partition_by).await {
            Ok(Started { stream, plan, notices }) => {
                let names = Arc::new(Names::default());
                Ok(Answer::new(stream, plan, statement.clone(), names, started).with_notices(notices))
            }
            Err(BindError::Parameter(error)) => Err(error),
            Err(BindError::Plan(error)) => Err(SqlError::explain(&error, statement, &self.names().await)),
        }
    }

    /// Lists tables and views: trailql's own first, in their order, then the session's by name.
    pub async fn tables(&self) -> Vec<TableInfo> {
        let Some(schema) = self.default_schema() else { return Vec::new() };
        let wide = self.shared().wide.clone();
        let mut tables = Vec::new();
        for name in schema.table_names() {
            let Ok(Some(provider)) = schema.table(&name).await else { continue };
            let (kind, summary) = origin(&name);
            let virtual_columns = wide.get(&name).map(Vec::as_slice).unwrap_or_default();
            let columns = columns(&provider.schema(), virtual_columns, kind != TableKind::Session);
            tables.push(TableInfo { name, kind, summary, columns });
        }
        tables.sort_by_key(|table| (own_rank(&table.name), table.name.clone()));
        tables
    }

    /// Lists functions by name.
    pub fn functions(&self) -> Vec<FunctionInfo> {
        let state = self.context.state();
        let mut functions = Vec::new();
        let mut add = |name: &str, kind, documentation: Option<&datafusion::logical_expr::Documentation>| {
            functions.push(FunctionInfo {
                name: name.to_owned(),
                kind,
                syntax: documentation.map(|d| d.syntax_example.clone()),
                summary: documentation.map(|d| first_sentence(&d.description)),
            });
        };
        for (name, function) in state.scalar_functions() {
            add(name, FunctionKind::Scalar, function.documentation());
        }
        for (name, function) in state.aggregate_functions() {
            add(name, FunctionKind::Aggregate, function.documentation());
        }
        for (name, function) in state.window_functions() {
            add(name, FunctionKind::Window, function.documentation());
        }
        for name in state.table_functions().keys() {
            add(name, FunctionKind::Table, None);
        }
        functions.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
        functions
    }

    async fn start(&self, statement: &Statement, partition_by: &[String]) -> Result<Started, BindError> {
        let mut parsed = match Command::parse(statement.text())? {
            Some(Command::Execute { name, arguments }) => self.prepared(&name, &arguments)?,
            Some(command) => return self.obey(command).await,
            None => parse(&readable(statement.text()))?,
        };
        let parameters = self.shared().parameters.clone();
        // Ahead of planning, which would talk about the inserted rows.
        if let Some(table) = insert_target(&parsed).filter(|table| own_rank(table).is_own()) {
            return Err(SqlError::ReadOnly { table }.into());
        }
        let notices = rewrite(&mut parsed, &self.dialect_names().await)?;
        let plan = described(self.context.state().statement_to_plan(parsed).await?)?;
        read_only::check(&plan, |table| own_rank(table).is_own())?;
        let plan = arrange(parameters.bind(plan)?, partition_by)?;
        Ok(self.execute(plan, notices).await?)
    }

    async fn execute(&self, plan: LogicalPlan, notices: Vec<Notice>) -> Result<Started, DataFusionError> {
        let frame = self.context.execute_logical_plan(plan).await?;
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        Ok(Started { stream: execute_stream(Arc::clone(&plan), task)?, plan, notices })
    }

    /// Puts a provider behind `name`; `true` if the name is new.
    fn replace_or_register(&self, name: &'static str, provider: Arc<dyn TableProvider>) -> Result<bool, SqlError> {
        let mut shared = self.shared_mut();
        if let Some(live) = shared.live_tables.get(name) {
            live.replace(provider);
            return Ok(false);
        }
        let schema = provider.schema();
        let live = Arc::new(LiveTable::new(provider));
        self.context.register_table(name, Arc::clone(&live) as Arc<dyn TableProvider>).map_err(SqlError::Setup)?;
        shared.live_tables.insert(name, live);
        shared.note_own(name, &schema);
        Ok(true)
    }

    async fn register_views(&self, table: &str) -> Result<(), DataFusionError> {
        for view in BUILT_IN_VIEWS {
            let query = view.query(table);
            let plan = self.context.state().statement_to_plan(parse(&query)?).await?;
            let provider = ViewTable::new(plan, Some(query));
            self.shared_mut().note_own(view.name, &provider.schema());
            self.context.register_table(view.name, Arc::new(provider))?;
        }
        Ok(())
    }

    /// What the dialect settles names by.
    async fn dialect_names(&self) -> trailql_dialect::Names {
        let schema = self.default_schema();
        let known: HashSet<String> = schema.iter().flat_map(|schema| schema.table_names()).collect();
        let mut session_columns = HashSet::new();
        let mut columns = self.shared().columns.clone();
        for table in known.iter().filter(|table| !own_rank(table).is_own()) {
            if let Some(schema) = &schema
                && let Ok(Some(provider)) = schema.table(table).await
            {
                let names = column_names(&provider.schema());
                session_columns.extend(names.iter().cloned());
                columns.insert(table.clone(), names);
            }
        }
        let shared = self.shared();
        let events = [LOGS_TABLE, RAW_TABLE].into_iter().find(|table| shared.live_tables.contains_key(table));
        trailql_dialect::Names {
            tables: TableNames {
                known,
                events: events.filter(|_| !shared.is_strict).map(str::to_owned),
                aliases: shared.aliases.clone(),
            },
            columns,
            wide: shared.wide.clone(),
            row_members: shared.row_members.clone(),
            own_columns: shared.own_columns.clone(),
            session_columns,
        }
    }

    async fn names(&self) -> Names {
        Names::new(&self.tables().await, self.functions().into_iter().map(|function| function.name).collect())
    }

    fn default_schema(&self) -> Option<Arc<dyn SchemaProvider>> {
        let config = self.context.copied_config();
        let catalog = &config.options().catalog;
        self.context.catalog(&catalog.default_catalog)?.schema(&catalog.default_schema)
    }

    fn shared(&self) -> RwLockReadGuard<'_, Shared> {
        self.shared.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn shared_mut(&self) -> RwLockWriteGuard<'_, Shared> {
        self.shared.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Shared {
    /// Remembers the columns of one of trailql's own relations.
    fn note_own(&mut self, name: &str, schema: &Schema) {
        let has = |column: &&&str| schema.column_with_name(column).is_some();
        let virtual_columns: Vec<String> = VIRTUAL_COLUMNS.iter().filter(has).map(|c| (*c).to_owned()).collect();
        self.wide.insert(name.to_owned(), virtual_columns);
        self.columns.insert(name.to_owned(), column_names(schema));
        let own_names = &mut self.own_columns;
        for field in schema.fields() {
            own_names.insert(field.name().to_lowercase());
            note_members(field.data_type(), own_names);
            note_rows(&field.name().to_lowercase(), field.data_type(), &mut self.row_members);
        }
    }
}

/// A statement that runs.
struct Started {
    stream: SendableRecordBatchStream,
    plan: Arc<dyn ExecutionPlan>,
    notices: Vec<Notice>,
}

/// Where a name stands among trailql's own relations; others come after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct OwnRank(usize);

impl OwnRank {
    const OTHER: Self = Self(usize::MAX);

    fn is_own(self) -> bool {
        self != Self::OTHER
    }
}

fn own_rank(table: &str) -> OwnRank {
    let views = BUILT_IN_VIEWS.iter().map(|view| view.name);
    OWN_TABLES.into_iter().chain(views).position(|own| own == table).map_or(OwnRank::OTHER, OwnRank)
}

fn origin(table: &str) -> (TableKind, Option<&'static str>) {
    match table {
        LOGS_TABLE => (TableKind::Lake, Some("Every event of the lake")),
        RAW_TABLE => (TableKind::Raw, Some("Events straight from log files")),
        INTEGRITY_TABLE => (TableKind::Lake, Some("Log files, and whether digests prove them")),
        DIGESTS_TABLE => (TableKind::Lake, Some("Digests of log files, and whether they are valid")),
        _ => match BUILT_IN_VIEWS.iter().find(|view| view.name == table) {
            Some(view) => (TableKind::View, Some(view.summary)),
            None => (TableKind::Session, None),
        },
    }
}

fn column_names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn parse(text: &str) -> Result<ParsedStatement, DataFusionError> {
    let mut parser: DFParser<'_> =
        DFParserBuilder::new(text).with_dialect(&TrinoDialect).with_recursion_limit(MAX_NESTING).build()?;
    let mut statements = parser.parse_statements()?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(DataFusionError::Plan("one statement is expected here".to_owned())),
    }
}

fn insert_target(statement: &ParsedStatement) -> Option<String> {
    let ParsedStatement::Statement(statement) = statement else { return None };
    let SqlStatement::Insert(insert) = statement.as_ref() else { return None };
    let TableObject::TableName(name) = &insert.table else { return None };
    name.0.last().and_then(|part| part.as_ident()).map(|part| part.value.to_lowercase())
}

/// Settles the dialect in every query inside the statement.
fn rewrite(statement: &mut ParsedStatement, names: &trailql_dialect::Names) -> Result<Vec<Notice>, DataFusionError> {
    match statement {
        ParsedStatement::Statement(statement) => Ok(names.settle(statement)),
        ParsedStatement::Explain(explain) => rewrite(&mut explain.statement, names),
        // Behind EXPLAIN: what is explained is the query.
        ParsedStatement::CopyTo(copy) => {
            let query = match &copy.source {
                CopyToSource::Relation(name) => parse(&format!("SELECT * FROM {name}"))?,
                CopyToSource::Query(query) => ParsedStatement::Statement(Box::new(SqlStatement::Query(query.clone()))),
            };
            *statement = query;
            rewrite(statement, names)
        }
        ParsedStatement::CreateExternalTable(_) | ParsedStatement::Reset(_) => Ok(Vec::new()),
    }
}

fn first_sentence(text: &str) -> String {
    let text = text.trim();
    let end = text.find(". ").or_else(|| text.find(".\n")).unwrap_or(text.trim_end_matches('.').len());
    text[..end].replace('\n', " ")
}
