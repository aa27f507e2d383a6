//! The columns that a query sees: stored, partition and virtual.
//!
//! Text columns are read as `Utf8View` at the top level, as DataFusion's own Parquet tables do (filters and groupings
//! on views copy nothing); members of structs stay `Utf8`, since the Parquet reader makes views of whole columns only.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions::datetime::expr_fn::to_char;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, cast, col, ident, lit};
use trailql_event::{DATE, REGION, event_schema};

use crate::event_json::event_json_expr;

/// The whole event as JSON.
pub const EVENT_JSON: &str = "eventjson";

/// Athena's partition name for the owning account; it has other spellings, too.
pub const ACCOUNT: &str = "account";

/// See [`ACCOUNT`].
pub const ACCOUNT_ID: &str = "accountid";

/// Athena's name for the file that a row came from.
pub const PATH: &str = "$path";

/// Columns that are computed, not stored; they come last in the table's schema and are no part of `SELECT *`.
///
/// Besides the whole event and the file, they are the partition columns that people gave their Athena tables.
pub const VIRTUAL_COLUMNS: &[&str] = &[
    EVENT_JSON,
    "year",
    "month",
    "day",
    "timestamp",
    ACCOUNT,
    ACCOUNT_ID,
    PATH,
    "account_id",
    "date_partition",
    "region_partition",
    "account_partition",
    "p_date",
    "p_region",
    "p_account",
    "dt",
    "ingest_date",
];

/// Names of the owning account, [`ACCOUNT`] first.
pub(crate) const ACCOUNTS: &[&str] = &[ACCOUNT, ACCOUNT_ID, "account_id", "account_partition", "p_account"];

/// Other names of the partition column `region`.
pub(crate) const REGIONS: &[&str] = &["region_partition", "p_region"];

/// The date and its parts under the names that Athena's tables give them, with their `strftime` formats.
pub(crate) const DATE_PARTS: &[(&str, &str)] = &[
    ("year", "%Y"),
    ("month", "%m"),
    ("day", "%d"),
    ("timestamp", "%Y/%m/%d"),
    ("date_partition", "%Y/%m/%d"),
    ("p_date", "%Y/%m/%d"),
    ("dt", "%Y/%m/%d"),
    ("ingest_date", "%Y/%m/%d"),
];

/// Columns inside the lake's Parquet files, with the types that they are read as.
pub(crate) fn file_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields: Vec<FieldRef> = event_schema().fields().iter().map(as_view).collect();
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// The partition columns.
pub(crate) fn partition_fields() -> Vec<FieldRef> {
    vec![Arc::new(Field::new(REGION, DataType::Utf8View, true)), Arc::new(Field::new(DATE, DataType::Date32, true))]
}

/// [`file_schema`] followed by [`partition_fields`].
pub(crate) fn stored_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields: Vec<FieldRef> = file_schema().fields().iter().cloned().chain(partition_fields()).collect();
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// Returns the schema of `cloudtrail_logs` and `cloudtrail_raw`: stored columns, `region`, `date`,
/// [`VIRTUAL_COLUMNS`].
pub fn query_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let computed = VIRTUAL_COLUMNS.iter().map(|name| Arc::new(Field::new(*name, virtual_type(name), true)));
        let fields: Vec<FieldRef> = stored_schema().fields().iter().cloned().chain(computed).collect();
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// What a virtual column is computed from, in terms of the stored columns; `None` for every other name.
pub(crate) fn virtual_expr(name: &str) -> Option<Expr> {
    if let Some((_, format)) = DATE_PARTS.iter().find(|(part, _)| *part == name) {
        return Some(to_char(col(DATE), lit(*format)));
    }
    match name {
        EVENT_JSON => Some(event_json_expr()),
        PATH => Some(ident("sourcefile")),
        name if ACCOUNTS.contains(&name) => Some(account_expr()),
        name if REGIONS.contains(&name) => Some(ident(REGION)),
        _ => None,
    }
}

/// The recipient, else the caller.
///
/// The recipient is the account whose trail delivered the event, which is what the account in an S3 path is;
/// events from before version 1.02 do not name it. Spelled as `CASE`, since `coalesce` exists in logical plans only.
fn account_expr() -> Expr {
    let recipient = || ident("recipientaccountid");
    let caller = cast(get_field(ident("useridentity"), "accountid"), DataType::Utf8View);
    let has_recipient = (Box::new(recipient().is_not_null()), Box::new(recipient()));
    Expr::Case(Case::new(None, vec![has_recipient], Some(Box::new(caller))))
}

fn virtual_type(name: &str) -> DataType {
    match name {
        PATH => DataType::Utf8View,
        name if ACCOUNTS.contains(&name) || REGIONS.contains(&name) => DataType::Utf8View,
        _ => DataType::Utf8,
    }
}

fn as_view(field: &FieldRef) -> FieldRef {
    match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    }
}
