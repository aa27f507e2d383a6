//! What the place of a log file says about it.

use chrono::NaiveDate;

/// Kind of files below one folder of a trail's bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `CloudTrail`: management and data events.
    Events,
    /// `CloudTrail-Insight`.
    Insight,
    /// `CloudTrail-NetworkActivity`.
    NetworkActivity,
    /// `CloudTrail-Aggregated`.
    Aggregated,
    /// `CloudTrail-Digest`: signed digests, which hold no events.
    Digest,
}

/// The parts of a delivered file's key.
///
/// `[prefix/]AWSLogs/[o-ORGID/]ACCOUNT/KIND/REGION/YYYY/MM/DD/FILE`; source: CloudTrail User Guide, "Getting and
/// viewing your CloudTrail log files". The day is that of delivery, which may be up to 30 days after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    /// `o-…` of an organisation trail.
    pub organization: Option<String>,
    /// Account that the events were delivered for.
    pub account: String,
    /// Kind of file.
    pub kind: Kind,
    /// Region that delivered the file.
    pub region: String,
    /// UTC day of delivery.
    pub day: NaiveDate,
}

impl LogKey {
    /// Reads the parts from a path or key with `/` between its parts; `None` if it is not laid out like one.
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let start = parts.iter().rposition(|part| *part == "AWSLogs")? + 1;
        let mut rest = parts[start..].iter().copied().peekable();
        let organization = rest.next_if(|part| part.starts_with("o-")).map(str::to_owned);
        let [account, kind, region, year, month, day, _file] = rest.collect::<Vec<_>>().try_into().ok()?;
        let day = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
        Some(Self {
            organization,
            account: account.to_owned(),
            kind: Kind::parse(kind)?,
            region: region.to_owned(),
            day,
        })
    }
}

impl Kind {
    pub(crate) fn parse(folder: &str) -> Option<Self> {
        Some(match folder {
            "CloudTrail" => Self::Events,
            "CloudTrail-Insight" => Self::Insight,
            "CloudTrail-NetworkActivity" => Self::NetworkActivity,
            "CloudTrail-Aggregated" => Self::Aggregated,
            "CloudTrail-Digest" => Self::Digest,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_keys_of_plain_and_organization_trails() {
        let key =
            LogKey::parse("s3://b/p/AWSLogs/111122223333/CloudTrail/us-east-1/2024/03/01/f.json.gz").expect("a key");
        assert_eq!((key.account.as_str(), key.kind, key.region.as_str()), ("111122223333", Kind::Events, "us-east-1"));
        assert_eq!(key.day, NaiveDate::from_ymd_opt(2024, 3, 1).expect("a day"));
        let key = LogKey::parse("AWSLogs/o-abc/111122223333/CloudTrail-Digest/eu-west-1/2024/12/31/f.json.gz")
            .expect("a key");
        assert_eq!((key.organization.as_deref(), key.kind), (Some("o-abc"), Kind::Digest));
    }

    #[test]
    fn leaves_other_paths_alone() {
        for path in [
            "f.json",
            "AWSLogs/1/CloudTrail/us-east-1/2024/03/f",
            "AWSLogs/1/Config/r/2024/03/01/f",
            "AWSLogs/1/CloudTrail/r/2024/13/01/f",
        ] {
            assert_eq!(LogKey::parse(path), None, "{path}");
        }
    }
}
