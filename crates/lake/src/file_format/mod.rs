//! How the lake's data files are written: order of rows, encodings, statistics, bloom filters, names.
//!
//! Whoever writes data files, an ingest or a compaction, writes them alike, so that a query prunes both alike.

mod blooms;
mod order;
mod path;
mod properties;
mod stats;

pub use blooms::{BLOOM_COLUMNS, RowGroupBlooms, bloom_filters};
pub use order::{SORT_COLUMNS, column_at};
pub use path::{is_data_path, new_data_path};
pub use properties::{PAGE_ROWS, ROW_GROUP_ROWS, writer_properties};
pub use stats::delta_stats;
