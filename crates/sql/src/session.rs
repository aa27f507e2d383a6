//! One user's SQL session over the lake and raw log files.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arrow::datatypes::{DataType, Schema};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::Analyzer;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{CopyToSource, DFParser, DFParserBuilder, Statement as ParsedStatement};
use datafusion::sql::sqlparser::ast::{Statement as SqlStatement, TableObject};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use trailql_store::Stores;
use trailql_table::VIRTUAL_COLUMNS;

use crate::answer::{Answer, Stopwatch};
use crate::boolean_text::{BooleanTextPlanner, BooleanTextRule};
use crate::catalog::{FunctionInfo, FunctionKind, TableInfo, TableKind, columns};
use crate::config::SessionOptions;
use crate::error::SqlError;
use crate::field_access::settle_field_access;
use crate::live_table::LiveTable;
use crate::map_subscript::MapSubscriptPlanner;
use crate::parameter::{BindError, Parameters};
use crate::quoted_name::fold_quoted_names;
use crate::read_only;
use crate::script::Statement;
use crate::suggest::Names;
use crate::views::BUILT_IN_VIEWS;
use crate::wildcard::{WideRelations, exclude_virtual_columns, fold};

/// The table of the lake's events.
pub const LOGS_TABLE: &str = "cloudtrail_logs";

/// The table of log files that were never ingested.
pub const RAW_TABLE: &str = "cloudtrail_raw";

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
    wide: Arc<WideRelations>,
    /// Lower-case names of trailql's own columns and struct members.
    own_names: Arc<HashSet<String>>,
}

impl Session {
    /// Makes a session without tables.
    pub fn try_new(options: &SessionOptions) -> Result<Self, SqlError> {
        let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(BooleanTextRule)];
        rules.extend(Analyzer::new().rules);
        let mut builder = SessionStateBuilder::new()
            .with_config(options.session_config())
            .with_runtime_env(options.runtime().map_err(SqlError::Setup)?)
            .with_default_features()
            .with_analyzer_rules(rules);
        // Ahead of DataFusion's planners, which take the operators as they are.
        if let Some(planners) = builder.expr_planners() {
            planners.insert(0, Arc::new(BooleanTextPlanner));
            planners.insert(0, Arc::new(MapSubscriptPlanner));
        }
        Ok(Self {
            context: SessionContext::new_with_state(builder.build()),
            shared: RwLock::default(),
            stores: options.stores.clone(),
        })
    }

    /// Returns DataFusion's own context.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Makes `provider` the lake's table, or its newer state; the views of [`BUILT_IN_VIEWS`] come with it.
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

    /// Plans a statement and starts it; the rows come from the answer.
    ///
    /// Dropping the future or the answer cancels.
    pub async fn run(&self, statement: &Statement) -> Result<Answer, SqlError> {
        let started = Stopwatch::start(&self.stores);
        match self.start(statement).await {
            Ok((stream, plan)) => {
                let names = Arc::new(Names::default());
                Ok(Answer::new(stream, plan, statement.clone(), names, started))
            }
            Err(BindError::Parameter(error)) => Err(error),
            Err(BindError::Plan(error)) => Err(SqlError::explain(&error, statement, &self.names().await)),
        }
    }

    /// Lists tables and views: trailql's own first, in their order, then the session's by name.
    pub async fn tables(&self) -> Vec<TableInfo> {
        let Some(schema) = self.default_schema() else { return Vec::new() };
        let wide = Arc::clone(&self.shared().wide);
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

    async fn start(&self, statement: &Statement) -> Result<Started, BindError> {
        let mut parsed = parse(statement.text())?;
        let (wide, own_names, parameters) = {
            let shared = self.shared();
            (Arc::clone(&shared.wide), Arc::clone(&shared.own_names), shared.parameters.clone())
        };
        // Ahead of planning, which would talk about the inserted rows.
        if let Some(table) = insert_target(&parsed).filter(|table| own_rank(table).is_own()) {
            return Err(SqlError::ReadOnly { table }.into());
        }
        rewrite(&mut parsed, &wide, &own_names, &self.session_names().await)?;
        let plan = self.context.state().statement_to_plan(parsed).await?;
        read_only::check(&plan, |table| own_rank(table).is_own())?;
        let plan = parameters.bind(plan)?;
        Ok(self.execute(plan).await?)
    }

    async fn execute(&self, plan: LogicalPlan) -> Result<Started, DataFusionError> {
        let frame = self.context.execute_logical_plan(plan).await?;
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        Ok((execute_stream(Arc::clone(&plan), task)?, plan))
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
            let plan = self.context.state().create_logical_plan(&query).await?;
            let provider = ViewTable::new(plan, Some(query));
            self.shared_mut().note_own(view.name, &provider.schema());
            self.context.register_table(view.name, Arc::new(provider))?;
        }
        Ok(())
    }

    /// Column names of the session's own tables, which quoted names mean exactly.
    async fn session_names(&self) -> HashSet<String> {
        let Some(schema) = self.default_schema() else { return HashSet::new() };
        let mut names = HashSet::new();
        for table in schema.table_names().into_iter().filter(|table| !own_rank(table).is_own()) {
            if let Ok(Some(provider)) = schema.table(&table).await {
                names.extend(provider.schema().fields().iter().map(|field| field.name().clone()));
            }
        }
        names
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
        Arc::make_mut(&mut self.wide).insert(name.to_owned(), virtual_columns);
        let own_names = Arc::make_mut(&mut self.own_names);
        for field in schema.fields() {
            own_names.insert(field.name().to_lowercase());
            note_members(field.data_type(), own_names);
        }
    }
}

type Started = (datafusion::execution::SendableRecordBatchStream, Arc<dyn datafusion::physical_plan::ExecutionPlan>);

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
    match table {
        LOGS_TABLE => OwnRank(0),
        RAW_TABLE => OwnRank(1),
        _ => BUILT_IN_VIEWS.iter().position(|view| view.name == table).map_or(OwnRank::OTHER, |at| OwnRank(at + 2)),
    }
}

fn origin(table: &str) -> (TableKind, Option<&'static str>) {
    match table {
        LOGS_TABLE => (TableKind::Lake, Some("Every event of the lake")),
        RAW_TABLE => (TableKind::Raw, Some("Events straight from log files")),
        _ => match BUILT_IN_VIEWS.iter().find(|view| view.name == table) {
            Some(view) => (TableKind::View, Some(view.summary)),
            None => (TableKind::Session, None),
        },
    }
}

fn parse(text: &str) -> Result<ParsedStatement, DataFusionError> {
    let mut parser: DFParser<'_> =
        DFParserBuilder::new(text).with_dialect(&GenericDialect {}).with_recursion_limit(MAX_NESTING).build()?;
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
    name.0.last().and_then(|part| part.as_ident()).map(fold)
}

/// Settles names and wildcards in every query inside the statement.
fn rewrite(
    statement: &mut ParsedStatement,
    wide: &WideRelations,
    own_names: &HashSet<String>,
    session_names: &HashSet<String>,
) -> Result<(), DataFusionError> {
    match statement {
        ParsedStatement::Statement(statement) => {
            exclude_virtual_columns(statement.as_mut(), wide);
            settle_field_access(statement.as_mut());
            fold_quoted_names(statement, own_names, session_names);
        }
        ParsedStatement::Explain(explain) => rewrite(&mut explain.statement, wide, own_names, session_names)?,
        ParsedStatement::CopyTo(copy) => {
            if let CopyToSource::Relation(name) = &copy.source {
                let ParsedStatement::Statement(select) = parse(&format!("SELECT * FROM {name}"))? else {
                    return Ok(());
                };
                if let SqlStatement::Query(query) = *select {
                    copy.source = CopyToSource::Query(query);
                }
            }
            if let CopyToSource::Query(query) = &mut copy.source {
                exclude_virtual_columns(query.as_mut(), wide);
                settle_field_access(query.as_mut());
            }
        }
        ParsedStatement::CreateExternalTable(_) | ParsedStatement::Reset(_) => {}
    }
    Ok(())
}

fn note_members(data_type: &DataType, names: &mut HashSet<String>) {
    let fields = match data_type {
        DataType::Struct(fields) => fields,
        DataType::List(item) | DataType::LargeList(item) => return note_members(item.data_type(), names),
        _ => return,
    };
    for field in fields {
        names.insert(field.name().to_lowercase());
        note_members(field.data_type(), names);
    }
}

fn first_sentence(text: &str) -> String {
    let text = text.trim();
    let end = text.find(". ").or_else(|| text.find(".\n")).unwrap_or(text.trim_end_matches('.').len());
    text[..end].replace('\n', " ")
}
