//! Statistics of a Parquet file as the Delta log keeps them.
//!
//! Format: Delta Transaction Log Protocol, "Per-file Statistics".

use chrono::{DateTime, SecondsFormat};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;
use serde_json::{Map, Value, json};

/// Columns whose bounds let a query skip a file; the Delta log is read as a whole, so the list is short.
const COLUMNS: &[&[&str]] = &[
    &["eventtime"],
    &["eventsource"],
    &["eventname"],
    &["awsregion"],
    &["sourceipaddress"],
    &["errorcode"],
    &["eventtype"],
    &["eventcategory"],
    &["recipientaccountid"],
    &["useridentity", "type"],
    &["useridentity", "principalid"],
    &["useridentity", "arn"],
    &["useridentity", "accountid"],
    &["useridentity", "accesskeyid"],
    &["useridentity", "username"],
];

/// Returns the statistics object of a file, as JSON text.
///
/// Bounds of text come from Parquet's own statistics, which cut long values in a way that keeps them bounds.
pub fn delta_stats(metadata: &ParquetMetaData) -> String {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for path in COLUMNS {
        let chunks = metadata.row_groups().iter().filter_map(|group| {
            group
                .columns()
                .iter()
                .find(|column| column.column_path().parts().iter().map(String::as_str).eq(path.iter().copied()))
        });
        let bounds: Vec<Bounds> = chunks.map(Bounds::of).collect();
        set(&mut nulls, path, bounds.iter().map(|bounds| bounds.nulls).sum::<Option<u64>>().map(Value::from));
        let known = bounds.iter().filter(|bounds| !bounds.only_nulls);
        let lows: Option<Vec<_>> = known.clone().map(|bounds| bounds.low.clone()).collect();
        let highs: Option<Vec<_>> = known.map(|bounds| bounds.high.clone()).collect();
        set(&mut least, path, lows.and_then(|lows| lows.into_iter().min()).map(Bound::into_json));
        set(&mut greatest, path, highs.and_then(|highs| highs.into_iter().max()).map(Bound::into_json));
    }
    let rows = metadata.file_metadata().num_rows();
    json!({ "numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls }).to_string()
}

/// What one row group says about one column.
struct Bounds {
    low: Option<Bound>,
    high: Option<Bound>,
    nulls: Option<u64>,
    only_nulls: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Micros(i64),
    Text(String),
}

impl Bounds {
    fn of(chunk: &ColumnChunkMetaData) -> Self {
        let statistics = chunk.statistics();
        let nulls = statistics.and_then(Statistics::null_count_opt);
        let (low, high) = match statistics {
            Some(Statistics::Int64(times)) => {
                (times.min_opt().map(|t| Bound::Micros(*t)), times.max_opt().map(|t| Bound::Micros(*t)))
            }
            Some(Statistics::ByteArray(texts)) => {
                let text = |bytes: Option<&parquet::data_type::ByteArray>| {
                    Some(Bound::Text(std::str::from_utf8(bytes?.data()).ok()?.to_owned()))
                };
                (text(texts.min_opt()), text(texts.max_opt()))
            }
            _ => (None, None),
        };
        Self { low, high, nulls, only_nulls: nulls == u64::try_from(chunk.num_values()).ok() }
    }
}

impl Bound {
    fn into_json(self) -> Value {
        match self {
            Self::Micros(micros) => DateTime::from_timestamp_micros(micros)
                .map_or(Value::Null, |time| Value::from(time.to_rfc3339_opts(SecondsFormat::Micros, true))),
            Self::Text(text) => Value::from(text),
        }
    }
}

/// Sets the value at a path of nested objects.
fn set(object: &mut Map<String, Value>, path: &[&str], value: Option<Value>) {
    let (Some(value), [first, rest @ ..]) = (value, path) else { return };
    if rest.is_empty() {
        object.insert((*first).to_owned(), value);
    } else if let Value::Object(inner) = object.entry(*first).or_insert_with(|| Value::Object(Map::new())) {
        set(inner, rest, Some(value));
    }
}
