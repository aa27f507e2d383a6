//! A table whose content can be replaced while views and prepared statements keep pointing at it.
//!
//! A new commit to the lake means a new provider; views are plans that hold the provider they were made from.
//! So they hold this one, which passes everything on to the current one.

use std::fmt;
use std::sync::{Arc, RwLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

/// Passes every call on to the provider of the moment; they all have one schema.
pub(crate) struct LiveTable {
    current: RwLock<Arc<dyn TableProvider>>,
}

impl LiveTable {
    pub(crate) fn new(provider: Arc<dyn TableProvider>) -> Self {
        Self { current: RwLock::new(provider) }
    }

    /// Makes `provider` answer from now on; running queries keep the one they began with.
    pub(crate) fn replace(&self, provider: Arc<dyn TableProvider>) {
        *self.current.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = provider;
    }

    fn current(&self) -> Arc<dyn TableProvider> {
        Arc::clone(&self.current.read().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl fmt::Debug for LiveTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveTable").field(&self.current()).finish()
    }
}

#[async_trait]
impl TableProvider for LiveTable {
    fn schema(&self) -> SchemaRef {
        self.current().schema()
    }

    fn table_type(&self) -> TableType {
        self.current().table_type()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.current().scan(state, projection, filters, limit).await
    }

    async fn scan_with_args<'a>(&self, state: &dyn Session, args: ScanArgs<'a>) -> Result<ScanResult> {
        self.current().scan_with_args(state, args).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.current().supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.current().statistics()
    }
}
