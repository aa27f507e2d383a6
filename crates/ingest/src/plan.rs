//! Which files to read.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use trailql_lake::ObjectKey;
use trailql_source::{DayRange, Kind, Listing, ListingScope, LogFile};

use crate::account::{FailedFile, FileCounts};
use crate::options::{Filters, IngestOptions};

/// Files of one unit of work: enough that a task pays, little enough that all cores have some.
const UNIT_BYTES: u64 = 512 << 10;

/// Delivery can be this late, so a file may hold events this much older than its day.
///
/// Source: CloudTrail User Guide, "Getting and viewing your CloudTrail log files": an unreachable bucket is tried for 30
/// days. One more day for clocks and time zones.
const LATEST_DELIVERY: Days = Days::new(31);

/// What a run will do with each file of a listing.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Files to read, in units of work.
    pub(crate) units: Vec<Vec<LogFile>>,
    pub(crate) counts: FileCounts,
    pub(crate) failed: Vec<FailedFile>,
}

impl Plan {
    /// Sorts `listing` out; `known` are the files that the ledger has, with the filter they were read under, and `floor`
    /// is the first day that the lake keeps.
    pub(crate) fn new(
        listing: Listing,
        known: &HashMap<ObjectKey, String>,
        options: &IngestOptions,
        floor: Option<NaiveDate>,
    ) -> Self {
        let filters = &options.filters;
        let mut plan = Self::default();
        plan.counts.found = (listing.files.len() + listing.unreadable.len()) as u64;
        plan.counts.ignored = listing.ignored.len() as u64;
        for (file, error) in listing.unreadable {
            plan.failed.push(FailedFile { file, reason: format!("cannot be read: {error}") });
        }
        let filter = filters.identity();
        let days = delivery_days(filters, floor);
        let mut room = 0;
        for file in listing.files {
            if known.get(&file.identity).is_some_and(|read_under| read_under.is_empty() || *read_under == filter) {
                plan.counts.known += 1;
            } else if file.key.as_ref().is_some_and(|key| key.kind == Kind::Digest) {
                plan.counts.digests += 1;
            } else if is_out_of_range(&file, days) {
                plan.counts.out_of_range += 1;
            } else if options.put_off.contains(&file.name) {
                plan.counts.put_off += 1;
            } else {
                if room == 0 || plan.units.is_empty() {
                    plan.units.push(Vec::new());
                    room = UNIT_BYTES;
                }
                room = room.saturating_sub(file.size_bytes.max(1));
                if let Some(unit) = plan.units.last_mut() {
                    unit.push(file);
                }
            }
        }
        plan
    }

    /// Files to read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &LogFile> {
        self.units.iter().flatten()
    }

    /// Files and bytes to read.
    pub(crate) fn size(&self) -> (u64, u64) {
        self.files().fold((0, 0), |(count, bytes), file| (count + 1, bytes + file.size_bytes))
    }
}

/// What of a bucket needs to be listed.
pub(crate) fn listing_scope(options: &IngestOptions) -> ListingScope {
    let filters = &options.filters;
    let mut days = delivery_days(filters, None);
    days.first = days.first.max(options.delivered_from);
    ListingScope { days, accounts: filters.accounts.clone(), regions: filters.regions.clone() }
}

/// Days on which events of the wanted time were delivered; `floor` is the first day that has not expired.
///
/// Events are older than their delivery; a day of slack for clocks that are ahead.
fn delivery_days(filters: &Filters, floor: Option<NaiveDate>) -> DayRange {
    let day = |time: DateTime<Utc>| time.date_naive();
    let first = |day: NaiveDate| day.checked_sub_days(Days::new(1)).unwrap_or(day);
    let last = |day: NaiveDate| day.checked_add_days(LATEST_DELIVERY).unwrap_or(day);
    DayRange { first: filters.since.map(day).max(floor).map(first), last: filters.until.map(day).map(last) }
}

/// Whether the day of delivery rules out that any event of the file lies in the wanted time.
///
/// Accounts and regions of the key are not used: they are those of delivery, and the filters ask for the event's own.
fn is_out_of_range(file: &LogFile, days: DayRange) -> bool {
    file.key.as_ref().is_some_and(|key| {
        days.first.is_some_and(|first| key.day < first) || days.last.is_some_and(|last| key.day > last)
    })
}
