//! The accounts and regions of a source, and the files of each.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use object_store::path::Path;

use crate::bucket::{Bucket, Listed, MetadataFrom, SIDECAR};
use crate::digest::{DigestKey, Link};
use crate::error::IntegrityError;
use crate::finding::Chain;
use crate::options::Filters;
use crate::source::{AWS_LOGS, Root, Source};

/// Folder of the digests.
const DIGESTS: &str = "CloudTrail-Digest";

/// Folders of log files.
const LOG_KINDS: [&str; 4] =
    ["CloudTrail", "CloudTrail-Aggregated", "CloudTrail-Insight", "CloudTrail-NetworkActivity"];

/// Minutes are all that the name of a log file has: `20240301T1000Z`.
const LOG_TIME: &str = "%Y%m%dT%H%MZ";

const LOG_TIME_BYTES: usize = "20240301T1000Z".len();

/// The hours before the end of a range whose log files may be in a digest behind it.
pub(crate) const SPILL_OVER: TimeDelta = TimeDelta::hours(1);

/// One account in one region, in one bucket.
#[derive(Debug, Clone)]
pub(crate) struct Area {
    pub(crate) bucket: Arc<Bucket>,
    /// Up to and with `AWSLogs/`.
    pub(crate) prefix: String,
    pub(crate) organization: Option<String>,
    pub(crate) account: String,
    pub(crate) region: String,
}

/// The digests of an area, and where their metadata are.
pub(crate) struct Digests {
    /// By time.
    pub(crate) keys: Vec<DigestKey>,
    pub(crate) metadata: MetadataFrom,
}

impl Area {
    /// All areas of `source` that the filters let through.
    pub(crate) async fn find(source: &Source, filters: &Filters) -> Result<Vec<Self>, IntegrityError> {
        let mut areas = Vec::new();
        for root in &source.roots {
            for folder in folders(root, &root.path).await? {
                if name(&folder).starts_with("o-") {
                    for account in folders(root, &folder).await? {
                        Self::of_account(root, &account, Some(name(&folder)), filters, &mut areas).await?;
                    }
                } else {
                    Self::of_account(root, &folder, None, filters, &mut areas).await?;
                }
            }
        }
        Ok(areas)
    }

    async fn of_account(
        root: &Root,
        folder: &Path,
        organization: Option<&str>,
        filters: &Filters,
        areas: &mut Vec<Self>,
    ) -> Result<(), IntegrityError> {
        if !filters.allows_account(name(folder)) {
            return Ok(());
        }
        let mut regions = BTreeSet::new();
        for kind in folders(root, folder).await? {
            if name(&kind) == DIGESTS || LOG_KINDS.contains(&name(&kind)) {
                regions.extend(folders(root, &kind).await?.iter().map(|region| name(region).to_owned()));
            }
        }
        areas.extend(regions.into_iter().filter(|region| filters.allows_region(region)).map(|region| Self {
            bucket: Arc::clone(&root.bucket),
            prefix: root.prefix(),
            organization: organization.map(str::to_owned),
            account: name(folder).to_owned(),
            region,
        }));
        Ok(())
    }

    /// Its digests of that time, and an hour more, into which log files may have spilled over.
    pub(crate) async fn digests(&self, filters: &Filters) -> Result<Digests, IntegrityError> {
        let folder = self.folder(DIGESTS);
        let listed: Vec<Listed> =
            self.bucket.list(&folder, first_key(&folder, filters).as_deref())?.try_collect().await?;
        let has_sidecars = listed.iter().any(|object| object.key.ends_with(SIDECAR));
        let metadata = match (self.bucket.is_copy(), has_sidecars) {
            (false, _) => MetadataFrom::Attributes,
            (true, true) => MetadataFrom::Sidecars,
            (true, false) => MetadataFrom::Nowhere,
        };
        let keys = listed.iter().filter_map(|object| DigestKey::parse(&object.key, &self.account, &self.region));
        let in_time = |key: &DigestKey| {
            filters.since.is_none_or(|since| since <= key.end) && key.end <= filters.until + SPILL_OVER
        };
        let mut keys: Vec<_> = keys.filter(in_time).filter(|key| filters.allows_trail(&key.trail)).collect();
        keys.sort();
        Ok(Digests { keys, metadata })
    }

    /// Hands its log files of that time to `each`.
    pub(crate) async fn for_each_log<F>(
        &self,
        filters: &Filters,
        mut each: impl FnMut(LogFile) -> F,
    ) -> Result<(), IntegrityError>
    where
        F: Future<Output = ()>,
    {
        for kind in LOG_KINDS {
            let folder = self.folder(kind);
            let mut listed = std::pin::pin!(self.bucket.list(&folder, first_key(&folder, filters).as_deref())?);
            while let Some(object) = listed.try_next().await? {
                let log = LogFile { time: log_time(&object.key), object };
                if filters.allows_time(log.time) {
                    each(log).await;
                }
            }
        }
        Ok(())
    }

    /// The area's place in another bucket, which a chain leads to by a digest of that key.
    pub(crate) fn moved_to(&self, bucket: Arc<Bucket>, digest_key: &str) -> Self {
        let prefix = digest_key.rfind(AWS_LOGS).map_or("", |at| &digest_key[..at]);
        Self { bucket, prefix: format!("{prefix}{AWS_LOGS}/"), ..self.clone() }
    }

    /// Whether a link leads to a digest of the same bucket and prefix.
    pub(crate) fn holds(&self, link: &Link) -> bool {
        link.bucket == self.bucket.name() && link.key.starts_with(&self.prefix)
    }

    /// One of the chains in it; that of no trail stands for the log files that no digest mentions.
    pub(crate) fn chain(&self, trail: &str, home_region: &str) -> Arc<Chain> {
        Arc::new(Chain {
            bucket: self.bucket.name().to_owned(),
            prefix: self.prefix.clone(),
            organization: self.organization.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            trail: trail.to_owned(),
            home_region: home_region.to_owned(),
        })
    }

    fn folder(&self, kind: &str) -> String {
        let Self { prefix, account, region, .. } = self;
        match &self.organization {
            Some(organization) => format!("{prefix}{organization}/{account}/{kind}/{region}"),
            None => format!("{prefix}{account}/{kind}/{region}"),
        }
    }
}

/// Keys sort by day: what is of interest follows behind this one.
fn first_key(folder: &str, filters: &Filters) -> Option<String> {
    let day = filters.since?.checked_sub_signed(TimeDelta::days(1))?;
    Some(format!("{folder}/{}", day.format("%Y/%m/%d")))
}

/// A log file that is there.
pub(crate) struct LogFile {
    pub(crate) object: Listed,
    /// When it was delivered, as its name says; else the day of its folder.
    pub(crate) time: Option<DateTime<Utc>>,
}

fn log_time(key: &str) -> Option<DateTime<Utc>> {
    let (folder, name) = key.rsplit_once('/')?;
    let in_name = name.split('_').find_map(|part| {
        let time = part.get(..LOG_TIME_BYTES)?;
        NaiveDateTime::parse_from_str(time, LOG_TIME).ok().map(|time| time.and_utc())
    });
    in_name.or_else(|| {
        let mut parts = folder.rsplitn(4, '/');
        let (day, month, year) =
            (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(0, 0, 0).map(|time| time.and_utc())
    })
}

/// Folders right below `folder` that the source is not limited to others than.
async fn folders(root: &Root, folder: &Path) -> Result<Vec<Path>, IntegrityError> {
    let list = root.store.list_with_delimiter(Some(folder)).await;
    let mut list = list.map_err(|source| IntegrityError::List { prefix: folder.to_string(), source })?.common_prefixes;
    let depth = folder.parts().count() - root.path.parts().count();
    if let Some(only) = root.narrowed.get(depth) {
        // A source of one kind of files narrows to its account; both kinds are needed to compare.
        let is_kind = only == DIGESTS || LOG_KINDS.contains(&only.as_str());
        list.retain(|child| is_kind || name(child) == only);
    }
    list.sort();
    Ok(list)
}

fn name(folder: &Path) -> &str {
    folder.filename().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_when_a_log_file_was_delivered() {
        let folder = "AWSLogs/1/CloudTrail/us-east-1/2024/03/01";
        let time = |name: &str| log_time(&format!("{folder}/{name}")).map(|time| time.to_rfc3339());
        assert_eq!(time("1_CloudTrail_us-east-1_20240301T1005Z_abc.json.gz"), Some("2024-03-01T10:05:00+00:00".into()));
        assert_eq!(time("1_CloudTrail_us-east-1_20240301T1005Zabc.json.gz"), Some("2024-03-01T10:05:00+00:00".into()));
        assert_eq!(time("notes.txt"), Some("2024-03-01T00:00:00+00:00".into()));
    }
}
