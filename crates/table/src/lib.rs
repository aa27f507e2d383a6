//! CloudTrail events as DataFusion tables: `cloudtrail_logs` over the lake, `cloudtrail_raw` over log files.

mod columns;
mod event_json;
mod file_pruning;
mod flat;
mod lake_file;
mod lake_table;
mod partition_filter;
mod partition_values;
mod row_groups;
mod scan_source;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod test_lake;

pub use columns::{ACCOUNT, ACCOUNT_ID, EVENT_JSON, PATH, VIRTUAL_COLUMNS, query_schema};
pub use lake_table::LakeTable;
