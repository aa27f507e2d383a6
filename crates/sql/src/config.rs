//! How a session is set up: memory, cores, and what the Parquet scan may use to read less.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;
use trailql_store::Stores;

/// Memory for operators where the machine's size is not known.
const FALLBACK_MEMORY_BYTES: usize = 4 << 30;

/// Consumers named in an out-of-memory message.
const TOP_CONSUMERS: usize = 3;

/// What the caller may choose about a session.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// Memory of sorts, joins and groupings before they spill to disk; half of the machine's by default.
    pub memory_limit_bytes: Option<usize>,
    /// Where they spill to; the system's temporary folder by default.
    pub temp_dir: Option<PathBuf>,
    /// Execution partitions; twice the number of cores by default.
    pub target_partitions: Option<usize>,
    /// Stores of the tables, whose requests are counted for each statement.
    pub stores: Stores,
}

impl SessionOptions {
    pub(crate) fn session_config(&self) -> SessionConfig {
        let config = SessionConfig::new()
            .with_information_schema(true)
            .with_parquet_pruning(true)
            .with_parquet_bloom_filter_pruning(true)
            .with_parquet_page_index_pruning(true);
        // Two for each core: files differ in size, and a core that is done with its own takes over. Measured on the query
        // set of docs/BENCHMARKS.md: groupings of the whole table take a tenth less time than with one.
        let mut config = config.with_target_partitions(self.target_partitions.unwrap_or(2 * cores()));
        let options = config.options_mut();
        options.execution.parquet.pushdown_filters = true;
        options.execution.parquet.reorder_filters = true;
        // For the carets under errors.
        options.sql_parser.collect_spans = true;
        // As in Athena and DuckDB: NULLs last, whichever way the rest is sorted.
        options.sql_parser.default_null_ordering = "nulls_last".to_owned();
        // `EXPLAIN` of a scan over thousands of files is read by people.
        options.explain.show_statistics = false;
        config
    }

    pub(crate) fn runtime(&self) -> Result<Arc<RuntimeEnv>, DataFusionError> {
        let limit = self.memory_limit_bytes.or_else(half_of_memory).unwrap_or(FALLBACK_MEMORY_BYTES);
        let consumers = std::num::NonZeroUsize::new(TOP_CONSUMERS).unwrap_or(std::num::NonZeroUsize::MIN);
        let pool = TrackConsumersPool::new(FairSpillPool::new(limit), consumers);
        let mut builder = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool));
        if let Some(dir) = &self.temp_dir {
            builder = builder.with_temp_file_path(dir);
        }
        builder.build_arc()
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Half of what the machine has, or of what the container may use; `None` where the system does not say.
fn half_of_memory() -> Option<usize> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total_kib: usize =
        info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().trim_end_matches(" kB").parse().ok()?;
    let machine = total_kib * 1024;
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|max| max.trim().parse().ok());
    Some(container.map_or(machine, |max: usize| max.min(machine)) / 2)
}
