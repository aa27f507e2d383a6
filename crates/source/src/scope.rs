//! Which parts of a trail's bucket are worth listing.
//!
//! ```text
//! AWSLogs/[o-ORGID/]ACCOUNT/KIND/REGION/YYYY/MM/DD/FILE
//!                   │            │      └ day of delivery
//!                   │            └ awsRegion of the events, or of late global service events
//!                   └ recipientAccountId of the events
//! ```
//!
//! A bucket of an organisation has thousands of folders, and a listing costs time and money. A local folder costs
//! neither, so only listings of buckets are narrowed, and only by what CloudTrail states about its deliveries. Logs that
//! were rewritten after delivery (with other account IDs, say) may lie in folders that do not fit them: ingest such a
//! bucket without `--account` and `--region`, or filter with `--where`.

use chrono::NaiveDate;

/// Regions that global services (IAM, STS, CloudFront, …) name in their events, one per AWS partition.
///
/// A trail of one region that includes global service events gets them in its own folder: a file below `eu-west-1`
/// may hold events of `us-east-1`. CloudTrail delivers so no more since 2021-11-22, but the older files remain.
pub const GLOBAL_REGIONS: [&str; 8] = [
    "us-east-1",
    "us-gov-west-1",
    "us-gov-east-1",
    "cn-north-1",
    "cn-northwest-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "eusc-de-east-1",
];

/// The region of global services in the partition whose change CloudTrail's documentation states.
const DOCUMENTED_GLOBAL_REGION: &str = "us-east-1";

/// Last day on which global service events may have been delivered into folders of other regions: 2021-11-22, and
/// deliveries that were 30 days late.
const LAST_GLOBAL_DELIVERY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2021, 12, 31);

/// Until this day of delivery events may lack their recipient, which came with event version 1.02 in 2014: they count
/// as the caller's, who may be of another account than the folder.
const LAST_WITHOUT_RECIPIENT: Option<NaiveDate> = NaiveDate::from_ymd_opt(2015, 12, 31);

/// What of a bucket is wanted; the default is everything.
///
/// A hint: a listing may hold more than that, and never less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListingScope {
    /// Days of delivery.
    pub days: DayRange,
    /// Accounts of events; empty for all.
    pub accounts: Vec<String>,
    /// Regions of events; empty for all.
    pub regions: Vec<String>,
}

/// Days from `first` to `last`, both included; `None` is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayRange {
    /// First day.
    pub first: Option<NaiveDate>,
    /// Last day.
    pub last: Option<NaiveDate>,
}

impl ListingScope {
    /// Whether nothing is to be left out.
    pub(crate) fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Days of delivery whose files below an account's folder may hold wanted events.
    pub(crate) fn days_of_account(&self, account: &str, is_organization: bool) -> DayRange {
        if self.accounts.is_empty() || self.accounts.iter().any(|wanted| wanted == account) {
            self.days
        } else if is_organization {
            // Organisation trails came in 2018.
            DayRange::NONE
        } else {
            self.days.until(LAST_WITHOUT_RECIPIENT)
        }
    }

    /// The same for a folder of a region.
    pub(crate) fn days_of_region(&self, region: &str) -> DayRange {
        let is_wanted = |region: &str| self.regions.iter().any(|wanted| wanted == region);
        if self.regions.is_empty() || is_wanted(region) {
            return self.days;
        }
        let mut global = GLOBAL_REGIONS.into_iter().filter(|global| is_wanted(global)).peekable();
        if global.peek().is_none() {
            DayRange::NONE
        } else if global.all(|region| region == DOCUMENTED_GLOBAL_REGION) {
            self.days.until(LAST_GLOBAL_DELIVERY)
        } else {
            self.days
        }
    }
}

impl DayRange {
    const NONE: Self = Self { first: Some(NaiveDate::MAX), last: Some(NaiveDate::MIN) };

    /// Whether no day is in it.
    pub(crate) fn is_empty(self) -> bool {
        matches!((self.first, self.last), (Some(first), Some(last)) if first > last)
    }

    /// The days in both.
    pub(crate) fn and(self, other: Self) -> Self {
        let last = [self.last, other.last].into_iter().flatten().min();
        Self { first: self.first.max(other.first), last }
    }

    fn until(self, last: Option<NaiveDate>) -> Self {
        self.and(Self { first: None, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        Some(text.parse().expect("a day"))
    }

    fn scope(first: &str, accounts: &[&str], regions: &[&str]) -> ListingScope {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let days = DayRange { first: day(first), last: None };
        ListingScope { days, accounts: owned(accounts), regions: owned(regions) }
    }

    #[test]
    fn other_accounts_are_left_out_where_every_event_names_its_recipient() {
        let recent = scope("2024-01-01", &["1"], &[]);
        assert!(!recent.days_of_account("1", false).is_empty());
        assert!(recent.days_of_account("2", false).is_empty());
        let old = scope("2014-01-01", &["1"], &[]);
        assert_eq!(old.days_of_account("2", false).last, day("2015-12-31"));
        assert!(old.days_of_account("2", true).is_empty(), "an organisation trail is younger");
        assert_eq!(ListingScope::default().days_of_account("2", false), DayRange::default());
    }

    #[test]
    fn other_regions_are_left_out_unless_they_may_hold_global_events() {
        assert!(scope("2015-01-01", &[], &["eu-west-1"]).days_of_region("us-east-1").is_empty());
        assert!(!scope("2015-01-01", &[], &["eu-west-1"]).days_of_region("eu-west-1").is_empty());
        let global = scope("2015-01-01", &[], &["eu-west-1", "us-east-1"]);
        assert_eq!(global.days_of_region("ap-south-1").last, day("2021-12-31"));
        assert!(scope("2022-01-01", &[], &["us-east-1"]).days_of_region("ap-south-1").is_empty());
        assert_eq!(scope("2022-01-01", &[], &["cn-north-1"]).days_of_region("cn-northwest-1").last, None);
    }

    #[test]
    fn ranges_of_days_have_an_intersection() {
        let range = |first: &str, last: &str| DayRange { first: day(first), last: day(last) };
        let both = range("2024-01-01", "2024-02-01").and(range("2024-01-15", "2024-03-01"));
        assert_eq!(both, range("2024-01-15", "2024-02-01"));
        assert!(range("2024-01-01", "2024-01-01").and(range("2024-01-02", "2024-01-03")).is_empty());
        assert!(!DayRange::default().and(range("2024-01-01", "2024-01-01")).is_empty());
    }
}
