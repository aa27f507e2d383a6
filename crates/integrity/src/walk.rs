//! One chain of digests, from the newest to the oldest, the way that the AWS CLI walks it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt, stream};

use crate::area::Area;
use crate::bucket::MetadataFrom;
use crate::digest::{DigestKey, Link};
use crate::error::IntegrityError;
use crate::finding::{Chain, DigestInfo, Finding, Severity, Subject};
use crate::keys::Span;
use crate::load::{Content, Loaded, Rules, check_link, judge, load};
use crate::logs::LogChecks;
use crate::run::{Run, outcome};
use crate::verdict::Verdict;

/// Digests that are read ahead.
const READ_AHEAD: usize = 16;

/// Hour that a digest covers, where its content does not say.
const DIGEST_HOUR: TimeDelta = TimeDelta::hours(1);

/// The AWS CLI asks for keys that signed until two hours behind the range.
const KEY_MARGIN: TimeDelta = TimeDelta::hours(2);

/// A chain that ends this long before the range does is worth a word: the next digest should have been delivered.
const DELIVERY_MARGIN: TimeDelta = TimeDelta::hours(2);

/// A digest of the chain that was listed, with its content.
struct Listed {
    key: DigestKey,
    loaded: Loaded,
}

/// What the digest before is known to be, from those walked so far.
enum Expected {
    /// Nothing yet.
    Newest,
    /// The one behind it could not be read.
    Unknown,
    /// The digest that a good one names; it begins then.
    Linked { link: Link, start: DateTime<Utc> },
    /// CloudTrail began the chain with a digest of that start.
    Begun { start: DateTime<Utc> },
    /// The one behind it is missing or bad, so its link is unknown; it began about then.
    Lost { start: DateTime<Utc> },
}

/// A walk along one chain.
///
/// Its methods take `&mut self` where they only report: the stream in it cannot be shared between threads.
pub(crate) struct Walk<'a> {
    run: &'a Arc<Run>,
    area: Area,
    chain: Arc<Chain>,
    metadata: MetadataFrom,
    is_backfill: bool,
    keys: Span,
    listed: BoxStream<'static, Listed>,
    /// The next listed digest, where it was looked at and not taken.
    head: Option<Listed>,
    logs: &'a mut LogChecks,
    /// Times of valid digests.
    windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl<'a> Walk<'a> {
    /// Prepares to walk `keys`, the listed digests of `chain`, sorted by time.
    pub(crate) fn new(
        run: &'a Arc<Run>,
        area: &Area,
        chain: Arc<Chain>,
        keys: Vec<DigestKey>,
        metadata: MetadataFrom,
        logs: &'a mut LogChecks,
    ) -> Self {
        let filters = &run.options.filters;
        let oldest = keys.first().map_or(filters.until, |key| key.end - DIGEST_HOUR);
        let span = Span { start: filters.since.unwrap_or(oldest), end: filters.until + KEY_MARGIN };
        let is_backfill = keys.first().is_some_and(|key| key.is_backfill);
        let listed = read_ahead(run, area, keys, metadata);
        let (area, windows) = (area.clone(), Vec::new());
        Self { run, area, chain, metadata, is_backfill, keys: span, listed, head: None, logs, windows }
    }

    /// Walks to the end; returns the times that valid digests cover.
    pub(crate) async fn walk(mut self) -> Result<Vec<(DateTime<Utc>, DateTime<Utc>)>, IntegrityError> {
        let mut expected = Expected::Newest;
        loop {
            let next = match &expected {
                Expected::Linked { link, .. } => Some(self.follow(link).await?),
                _ => self.next_listed().await.map(|listed| (listed.loaded, Some(listed.key.end))),
            };
            let Some((loaded, end)) = next else { break };
            if let Some(end) = end {
                self.compare_times(&expected, &loaded, end).await;
            }
            expected = self.settle(loaded, end, expected).await?;
            if self.leads_to_another_root(&expected) {
                expected = self.look_across(expected).await;
            }
            if self.has_reached_the_begin(&expected) {
                break;
            }
        }
        self.finish(&expected).await?;
        Ok(self.windows)
    }

    /// The digest that a link names: listed, or looked up where it should be. Those in between are passed by.
    async fn follow(&mut self, link: &Link) -> Result<(Loaded, Option<DateTime<Utc>>), IntegrityError> {
        let key = DigestKey::parse(&link.key, &self.area.account, &self.area.region);
        let end = key.as_ref().map(|key| key.end);
        if !self.area.holds(link) {
            return Ok((self.change_place(link, end).await?, end));
        }
        while let Some(listed) = self.next_listed().await {
            if listed.key.key == link.key {
                return Ok((listed.loaded, end));
            }
            if key.as_ref().is_none_or(|key| listed.key <= *key) {
                self.head = Some(listed);
                break;
            }
            self.pass_by(listed).await?;
        }
        Ok((load(self.run, Arc::clone(&self.area.bucket), link.key.clone(), self.metadata).await, end))
    }

    /// Goes on in another bucket or below another prefix, as the AWS CLI does when a trail has changed its place.
    async fn change_place(&mut self, link: &Link, end: Option<DateTime<Utc>>) -> Result<Loaded, IntegrityError> {
        let Some(bucket) = self.run.source.find(&link.bucket, &link.key).await else {
            let content = Err(Verdict::BucketNotAtHand { bucket: link.bucket.clone() });
            return Ok(Loaded { bucket: Arc::clone(&self.area.bucket), key: link.key.clone(), content });
        };
        self.pass_by_the_rest().await?;
        let area = self.area.moved_to(Arc::clone(&bucket), &link.key);
        let mut digests = area.digests(&self.run.options.filters).await?;
        digests.keys.retain(|key| {
            key.trail == self.chain.trail
                && key.home_region == self.chain.home_region
                && key.is_backfill == self.is_backfill
                && end.is_some_and(|end| key.end < end)
        });
        self.metadata = digests.metadata;
        self.listed = read_ahead(self.run, &area, digests.keys, self.metadata);
        self.area = area;
        Ok(load(self.run, bucket, link.key.clone(), self.metadata).await)
    }

    /// Says what is wrong with the digest in another bucket that a chain goes on from, and nothing if it is right: that
    /// one is counted there.
    async fn look_across(&mut self, expected: Expected) -> Expected {
        let Expected::Linked { link, .. } = &expected else { return expected };
        let Some(bucket) = self.run.source.root_of(&link.bucket, &link.key) else { return expected };
        let loaded = load(self.run, bucket, link.key.clone(), self.metadata).await;
        let verdict = match &loaded.content {
            Ok(content) => check_link(content, link),
            Err(verdict) => Some(verdict.clone()),
        };
        if let Some(verdict) = verdict {
            let info = loaded.info();
            self.report(&link.bucket.clone(), &loaded.key, verdict, &info).await;
        }
        Expected::Unknown
    }

    /// Whether a link leads to a place that is walked for itself: its chain is then not walked from here as well.
    fn leads_to_another_root(&self, expected: &Expected) -> bool {
        matches!(expected, Expected::Linked { link, .. }
            if !self.area.holds(link) && self.run.source.root_of(&link.bucket, &link.key).is_some())
    }

    async fn next_listed(&mut self) -> Option<Listed> {
        match self.head.take() {
            Some(listed) => Some(listed),
            None => self.listed.next().await,
        }
    }

    /// Judges a digest that the chain does not lead to. One that CloudTrail signed counts.
    async fn pass_by(&mut self, listed: Listed) -> Result<(), IntegrityError> {
        let expected = Expected::Lost { start: listed.key.end };
        let (bucket, key) = (listed.loaded.bucket.name().to_owned(), listed.key.key.clone());
        let info = listed.loaded.info();
        let before = self.windows.len();
        self.settle(listed.loaded, Some(listed.key.end), expected).await?;
        if self.windows.len() > before {
            self.report(&bucket, &key, Verdict::Unlinked, &info).await;
        }
        Ok(())
    }

    async fn pass_by_the_rest(&mut self) -> Result<(), IntegrityError> {
        while let Some(listed) = self.next_listed().await {
            self.pass_by(listed).await?;
        }
        Ok(())
    }

    /// Judges a digest, sees to its log files, and says what comes before it.
    async fn settle(
        &mut self,
        loaded: Loaded,
        end: Option<DateTime<Utc>>,
        expected: Expected,
    ) -> Result<Expected, IntegrityError> {
        let link = match &expected {
            Expected::Linked { link, .. } => Some(link),
            _ => None,
        };
        let bucket = loaded.bucket.name().to_owned();
        let info = loaded.info();
        let (verdict, content) = match loaded.content {
            Ok(content) => (self.judge(&content, &bucket, &loaded.key, link).await, Some(content)),
            Err(verdict) => (verdict, None),
        };
        let severity = verdict.severity();
        self.report(&bucket, &loaded.key, verdict, &info).await;
        match content {
            Some(content) if severity != Severity::Invalid => {
                Ok(self.take(content, &bucket, &loaded.key, severity, &info).await?)
            }
            _ if severity == Severity::Unchecked => Ok(Expected::Unknown),
            // Nothing that a bad digest says is believed, its start neither.
            _ => Ok(match [end.map(|end| end - DIGEST_HOUR), expected.start()].into_iter().flatten().min() {
                Some(start) => Expected::Lost { start },
                None => Expected::Unknown,
            }),
        }
    }

    async fn judge(&mut self, content: &Content, bucket: &str, key: &str, link: Option<&Link>) -> Verdict {
        let rules = Rules {
            metadata: self.metadata,
            is_backfill: self.is_backfill,
            region: &self.chain.region,
            home_region: &self.chain.home_region,
            keys: self.keys,
            link,
        };
        judge(self.run, content, bucket, key, rules).await
    }

    /// Has the log files of a digest checked that is valid, or that nothing is known against.
    async fn take(
        &mut self,
        content: Content,
        bucket: &str,
        key: &str,
        severity: Severity,
        info: &Arc<DigestInfo>,
    ) -> Result<Expected, IntegrityError> {
        let is_valid = severity == Severity::Valid;
        if let Some(algorithm) = content.other_algorithm().filter(|_| is_valid) {
            let verdict = Verdict::OtherSignatureAlgorithm { algorithm: algorithm.to_owned() };
            self.report(bucket, key, verdict, info).await;
        }
        let digest = content.digest;
        let start = digest.digest_start_time;
        if let Some(end) = digest.end().filter(|_| is_valid) {
            self.windows.push((start, end));
            self.run.cover(&self.chain, start, end).await;
        }
        let link = digest.link();
        self.logs.check_all(self.run, &self.chain, info, digest.log_files, is_valid).await?;
        Ok(match link {
            Some(link) => Expected::Linked { link, start },
            None => Expected::Begun { start },
        })
    }

    /// Says what lies between a digest that ends at `end` and the one behind it.
    async fn compare_times(&mut self, expected: &Expected, loaded: &Loaded, end: DateTime<Utc>) {
        let verdict = match *expected {
            Expected::Begun { start } => Verdict::Gap { from: end, to: start },
            // Nobody promises a backfill digest for every hour.
            Expected::Lost { start } if end < start && !self.is_backfill => {
                Verdict::HoursMissing { from: end, to: start }
            }
            Expected::Linked { start, .. } if end < start && loaded.content.is_ok() => {
                Verdict::NotContiguous { from: end, to: start }
            }
            _ => return self.compare_with_the_range(expected, &loaded.key, end).await,
        };
        self.report_span(&loaded.key, verdict).await;
    }

    async fn compare_with_the_range(&mut self, expected: &Expected, key: &str, end: DateTime<Utc>) {
        let is_early = end + DELIVERY_MARGIN < self.run.options.filters.until;
        if matches!(expected, Expected::Newest) && is_early && !self.is_backfill {
            self.report_span(key, Verdict::ChainEnds { at: end }).await;
        }
    }

    /// The AWS CLI goes on as long as the last good digest does not begin before the range.
    fn has_reached_the_begin(&self, expected: &Expected) -> bool {
        match (expected, self.run.options.filters.since) {
            (Expected::Linked { start, .. } | Expected::Begun { start }, Some(since)) => *start < since,
            _ => false,
        }
    }

    /// Says what is missing at the old end.
    async fn finish(&mut self, expected: &Expected) -> Result<(), IntegrityError> {
        self.pass_by_the_rest().await?;
        if let (Expected::Lost { start }, Some(since)) = (expected, self.run.options.filters.since)
            && since + DIGEST_HOUR <= *start
            && !self.is_backfill
        {
            self.report_span("", Verdict::HoursMissing { from: since, to: *start }).await;
        }
        Ok(())
    }

    async fn report(&mut self, bucket: &str, key: &str, verdict: Verdict, info: &Arc<DigestInfo>) {
        let subject = if self.is_backfill { Subject::BackfillDigest } else { Subject::Digest };
        self.send(subject, bucket, key, verdict, Some(Arc::clone(info))).await;
    }

    async fn report_span(&mut self, key: &str, verdict: Verdict) {
        let bucket = self.area.bucket.name().to_owned();
        self.send(Subject::Span, &bucket, key, verdict, None).await;
    }

    async fn send(
        &mut self,
        subject: Subject,
        bucket: &str,
        key: &str,
        verdict: Verdict,
        digest: Option<Arc<DigestInfo>>,
    ) {
        let (chain, bucket, key) = (Arc::clone(&self.chain), bucket.to_owned(), key.to_owned());
        self.run.report(Finding { chain, subject, bucket, key, verdict, digest, version: None }).await;
    }
}

impl Expected {
    fn start(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Newest | Self::Unknown => None,
            Self::Linked { start, .. } | Self::Begun { start } | Self::Lost { start } => Some(*start),
        }
    }
}

/// Reads the digests at `keys` from the newest on, some ahead.
///
/// Each in a task of its own: one that waited for its turn on a core while nobody polls it would keep the turn.
fn read_ahead(run: &Arc<Run>, area: &Area, keys: Vec<DigestKey>, metadata: MetadataFrom) -> BoxStream<'static, Listed> {
    let (run, bucket) = (Arc::clone(run), Arc::clone(&area.bucket));
    let listed = stream::iter(keys.into_iter().rev()).map(move |key| {
        let (run, bucket, path) = (Arc::clone(&run), Arc::clone(&bucket), key.key.clone());
        let loaded = tokio::spawn(async move { load(&run, bucket, path, metadata).await });
        async move { Listed { key, loaded: outcome(loaded.await).await } }
    });
    listed.buffered(READ_AHEAD).boxed()
}
