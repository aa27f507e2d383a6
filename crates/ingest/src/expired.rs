//! Events from before the lake's retention floor: they stay out, however late they are delivered.

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{NaiveDate, NaiveTime};

use crate::batch::{Batch, Fate, RowId};

/// Gives the rows of days before `floor` the fate [`Fate::Expired`]; those without a readable time stay.
///
/// Returns how many rows that were.
pub(crate) fn drop_expired(batch: &mut Batch, floor: NaiveDate) -> usize {
    let first_micros = floor.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    let is_expired = |row: &RowId| {
        let times = batch.rows(row.batch)["eventtime"].as_primitive::<TimestampMicrosecondType>();
        times.is_valid(row.row as usize) && times.value(row.row as usize) < first_micros
    };
    let expired: Vec<RowId> = batch.kept_rows().filter(is_expired).collect();
    for row in &expired {
        batch.set_fate(*row, Fate::Expired);
    }
    expired.len()
}
