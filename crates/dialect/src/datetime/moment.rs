//! Columns of times, row by row, in their zone.

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use datafusion::common::{Result, exec_datafusion_err};

/// A column of times; those without a zone count as UTC.
pub(super) struct Moments {
    micros: PrimitiveArray<TimestampMicrosecondType>,
    zone: Tz,
}

impl Moments {
    pub(super) fn try_new(array: &ArrayRef) -> Result<Self> {
        let name = match array.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        let array = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, name.clone()))?;
        let micros = array.as_primitive::<TimestampMicrosecondType>().clone();
        Ok(Self { micros, zone: zone(name.as_deref().unwrap_or("UTC"))? })
    }

    /// Returns the zone of all rows.
    pub(super) fn zone(&self) -> Tz {
        self.zone
    }

    pub(super) fn get(&self, row: usize) -> Option<DateTime<Tz>> {
        let micros = self.micros.is_valid(row).then(|| self.micros.value(row))?;
        Some(DateTime::from_timestamp_micros(micros)?.with_timezone(&self.zone))
    }
}

/// Finds a zone by its name or offset.
pub(super) fn zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| exec_datafusion_err!("'{name}' is no time zone; write 'Europe/Paris', 'UTC' or '+02:00'"))
}

/// Reads a local time in a zone; of two that have the same clock, the first.
pub(super) fn local(time: NaiveDateTime, zone: Tz) -> Result<DateTime<Utc>> {
    let found = zone.from_local_datetime(&time).earliest();
    let found = found.ok_or_else(|| exec_datafusion_err!("{time} does not exist in its time zone"))?;
    Ok(found.with_timezone(&Utc))
}

/// Collects moments into a column in UTC.
pub(super) fn utc_array(moments: impl Iterator<Item = Option<DateTime<Utc>>>) -> TimestampMicrosecondArray {
    let micros = moments.map(|moment| moment.map(|moment| moment.timestamp_micros()));
    micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC")
}
