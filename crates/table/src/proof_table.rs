//! `cloudtrail_integrity` and `cloudtrail_digests`: what is known about the integrity of log files.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use trailql_lake::{Lake, digest_proof_schema, log_proof_schema};

/// What a lake has on record, as a table; every query reads the records anew. Without a lake, nothing is on record.
#[derive(Debug)]
pub struct ProofTable {
    lake: Option<Lake>,
    of: Of,
}

#[derive(Debug, Clone, Copy)]
enum Of {
    Logs,
    Digests,
}

impl ProofTable {
    /// One row for each log file.
    pub fn logs(lake: Option<&Lake>) -> Self {
        Self { lake: lake.cloned(), of: Of::Logs }
    }

    /// One row for each digest.
    pub fn digests(lake: Option<&Lake>) -> Self {
        Self { lake: lake.cloned(), of: Of::Digests }
    }
}

#[async_trait]
impl TableProvider for ProofTable {
    fn schema(&self) -> SchemaRef {
        match self.of {
            Of::Logs => log_proof_schema(),
            Of::Digests => digest_proof_schema(),
        }
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let read = match (&self.lake, self.of) {
            (None, _) => Ok(Vec::new()),
            (Some(lake), Of::Logs) => lake.log_proofs().await,
            (Some(lake), Of::Digests) => lake.digest_proofs().await.map(|batch| vec![batch]),
        };
        let batches = read.map_err(|error| DataFusionError::External(error.into()))?;
        Ok(MemorySourceConfig::try_new_exec(&[batches], self.schema(), projection.cloned())?)
    }
}
