//! CloudTrail events as DataFusion tables: `cloudtrail_logs` over the lake, `cloudtrail_raw` over log files; and what is
//! known about the integrity of log files.

mod bloom_search;
mod columns;
mod counted_store;
mod date_trunc;
mod error;
mod event_json;
mod file_pruning;
mod flat;
mod lake_file;
mod lake_table;
mod pages;
mod partition_filter;
mod partition_values;
mod projection;
mod proof_table;
mod pruning_report;
mod raw_pruning;
mod raw_scan;
mod raw_table;
mod raw_warnings;
mod row_groups;
mod scan_source;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod test_lake;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod test_predicates;

pub use columns::{ACCOUNT, ACCOUNT_ID, EVENT_JSON, PATH, VIRTUAL_COLUMNS, query_schema};
pub use error::TableError;
pub use lake_table::LakeTable;
pub use proof_table::ProofTable;
pub use raw_table::RawTable;
pub use raw_warnings::{RawWarning, RawWarnings};
