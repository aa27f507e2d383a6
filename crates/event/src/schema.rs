//! The columns of `cloudtrail_logs`, derived from the members that have one.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::model::{EVENT, Kind, Member, RESOURCE};

/// Time zone of every timestamp column.
pub const UTC: &str = "UTC";

/// Partition column: the event's `awsRegion`, or [`UNKNOWN_REGION`].
pub const REGION: &str = "region";

/// Partition column: the UTC day of `eventtime`, NULL where the time cannot be read.
pub const DATE: &str = "date";

/// Value of the `region` partition for events without a usable `awsRegion`.
pub const UNKNOWN_REGION: &str = "unknown";

/// Column of JSON text that keeps what no other column holds exactly.
pub const UNMAPPED: &str = "unmapped";

/// Column that names the log file of an event.
pub const SOURCE_FILE: &str = "sourcefile";

/// Returns the stored columns of an event, in table order, without the partition columns.
///
/// Text is `Utf8`, `eventtime` is `Timestamp(Microsecond, "UTC")`, `readonly` and `managementevent` are `Boolean`,
/// `useridentity`, `addendum` and `tlsdetails` are structs of text, `resources` is a list of structs. All are
/// nullable. Names: Athena User Guide, "Create a table for CloudTrail logs in Athena using manual partitioning".
pub fn event_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(event_fields())));
    Arc::clone(&SCHEMA)
}

/// Returns [`event_schema`] followed by the partition columns `region` (`Utf8`) and `date` (`Date32`).
pub fn table_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let mut fields = event_fields();
        fields.push(Field::new(REGION, DataType::Utf8, true));
        fields.push(Field::new(DATE, DataType::Date32, true));
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// Type of a time column.
pub(crate) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

/// Type of one element of `resources`.
pub(crate) fn resource_fields() -> Fields {
    fields(RESOURCE)
}

/// Element field of the `resources` list.
pub(crate) fn resource_element() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(resource_fields()), true))
}

/// Fields of the entries of a `map<string,string>`, named as Delta and Parquet name them.
pub(crate) fn map_entry_fields() -> Fields {
    vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)].into()
}

/// Entry field of a `map<string,string>`.
pub(crate) fn map_entries() -> Arc<Field> {
    Arc::new(Field::new("key_value", DataType::Struct(map_entry_fields()), false))
}

/// Fields of a struct with these members; members without a column are left out.
pub(crate) fn fields(members: &[Member]) -> Fields {
    members
        .iter()
        .filter_map(|member| Some(Field::new(column_name(member.name), column_type(member.kind)?, true)))
        .collect()
}

/// Column name of a JSON member.
pub(crate) fn column_name(member: &str) -> String {
    member.to_ascii_lowercase()
}

fn column_type(kind: Kind) -> Option<DataType> {
    Some(match kind {
        Kind::Text | Kind::Json => DataType::Utf8,
        Kind::Bool => DataType::Boolean,
        Kind::Time => timestamp_type(),
        Kind::Struct(members) => DataType::Struct(fields(members)),
        Kind::Resources => DataType::List(resource_element()),
        Kind::Map => DataType::Map(map_entries(), false),
        Kind::Hidden => return None,
    })
}

fn event_fields() -> Vec<Field> {
    let mut fields: Vec<Field> = fields(EVENT).iter().map(|field| field.as_ref().clone()).collect();
    fields.push(Field::new(UNMAPPED, DataType::Utf8, true));
    fields.push(Field::new(SOURCE_FILE, DataType::Utf8, true));
    fields
}
