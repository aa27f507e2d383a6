//! Asking page by page, region by region.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::error::DisplayErrorContext;
use aws_sdk_cloudtrail::primitives::DateTime as SdkTime;
use aws_sdk_cloudtrail::types::EventCategory;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::coverage::{Span, missing};
use crate::error::LookupError;
use crate::span_file::{covered, write};

/// Days that the event history goes back.
pub const MAX_AGE_DAYS: i64 = 90;

/// CloudTrail takes two requests a second for an account and region.
const REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// Events after which a file is written, so that a fetch that breaks off loses a few minutes at most.
const FILE_EVENTS: usize = 10_000;

/// The most that CloudTrail gives at once.
const PAGE_EVENTS: i32 = 50;

/// What to fetch, and where to put it.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// Regions to ask, at once.
    pub regions: Vec<String>,
    /// Earliest time; the history goes back [`MAX_AGE_DAYS`].
    pub since: DateTime<Utc>,
    /// Latest time, exclusive.
    pub until: DateTime<Utc>,
    /// Folder of the log files; regions have folders of their own below it.
    pub folder: PathBuf,
}

/// What a fetch did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FetchSummary {
    /// Pages asked for.
    pub requests: u64,
    /// Events written.
    pub events: u64,
    /// Files written.
    pub files: u64,
}

/// Fetches management and Insights events of every region, and writes them as log files.
///
/// Spans of time that an earlier fetch wrote are left out. `page` is called after every page with what was done so far
/// in its region.
pub async fn fetch(
    config: &SdkConfig,
    options: &FetchOptions,
    page: &(dyn Fn(&str, FetchSummary) + Sync),
) -> Result<FetchSummary, LookupError> {
    let fetches = options.regions.iter().map(|region| async move {
        let settings = aws_sdk_cloudtrail::config::Builder::from(config).region(Region::new(region.clone()));
        let mut fetch = RegionFetch {
            client: Client::from_conf(settings.build()),
            region,
            folder: options.folder.join(region),
            limit: limit(),
            summary: FetchSummary::default(),
            page,
        };
        fetch.run(wanted(options)).await
    });
    let all: Vec<FetchSummary> =
        stream::iter(fetches).buffer_unordered(options.regions.len().max(1)).try_collect().await?;
    Ok(all.into_iter().fold(FetchSummary::default(), FetchSummary::plus))
}

impl FetchSummary {
    fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            events: self.events + other.events,
            files: self.files + other.files,
        }
    }
}

fn limit() -> Interval {
    let mut limit = interval(REQUEST_INTERVAL);
    limit.set_missed_tick_behavior(MissedTickBehavior::Delay);
    limit
}

/// Whole seconds, as CloudTrail has them, and not before its history begins.
fn wanted(options: &FetchOptions) -> Span {
    let second = |time: DateTime<Utc>| time.duration_trunc(TimeDelta::seconds(1)).unwrap_or(time);
    let oldest = Utc::now() - TimeDelta::days(MAX_AGE_DAYS);
    Span { start: second(options.since.max(oldest)), end: second(options.until.min(Utc::now())) }
}

struct RegionFetch<'a> {
    client: Client,
    region: &'a str,
    folder: PathBuf,
    limit: Interval,
    summary: FetchSummary,
    page: &'a (dyn Fn(&str, FetchSummary) + Sync),
}

impl RegionFetch<'_> {
    async fn run(&mut self, wanted: Span) -> Result<FetchSummary, LookupError> {
        for (category, folder) in
            [(None, self.folder.clone()), (Some(EventCategory::Insight), self.folder.join("insight"))]
        {
            for gap in missing(wanted, covered(&folder)?) {
                self.fetch_span(gap, category.as_ref(), &folder).await?;
            }
        }
        Ok(self.summary)
    }

    /// Pages come newest first: what was read reaches from its oldest event to the end of the span.
    async fn fetch_span(
        &mut self,
        mut span: Span,
        category: Option<&EventCategory>,
        folder: &Path,
    ) -> Result<(), LookupError> {
        let (mut events, mut oldest, mut token) = (Vec::new(), span.end, None);
        loop {
            let answer = self.ask(span, category, token).await?;
            for event in answer.events.unwrap_or_default() {
                oldest = event.event_time.and_then(|time| chrono_time(&time)).unwrap_or(oldest).min(oldest);
                events.extend(event.cloud_trail_event);
            }
            (self.page)(self.region, self.summary);
            token = answer.next_token;
            if token.is_none() {
                return self.write(folder, span, &events);
            }
            // Other events of the oldest second may be on the next page, so the next span has that second again.
            let read = Span { start: oldest + TimeDelta::seconds(1), end: span.end };
            if events.len() >= FILE_EVENTS && !read.is_empty() {
                self.write(folder, read, &events)?;
                events.clear();
                span.end = read.start;
                token = None;
            }
        }
    }

    async fn ask(
        &mut self,
        span: Span,
        category: Option<&EventCategory>,
        token: Option<String>,
    ) -> Result<aws_sdk_cloudtrail::operation::lookup_events::LookupEventsOutput, LookupError> {
        self.limit.tick().await;
        self.summary.requests += 1;
        let request = self.client.lookup_events().max_results(PAGE_EVENTS);
        let request = request.start_time(sdk_time(span.start)).end_time(sdk_time(span.end));
        let request = request.set_event_category(category.cloned()).set_next_token(token);
        let failed = |error| LookupError::Api { region: self.region.to_owned(), reason: error };
        request.send().await.map_err(|error| failed(DisplayErrorContext(error).to_string()))
    }

    fn write(&mut self, folder: &Path, span: Span, events: &[String]) -> Result<(), LookupError> {
        write(folder, span, events)?;
        self.summary.files += 1;
        self.summary.events += events.len() as u64;
        Ok(())
    }
}

fn sdk_time(time: DateTime<Utc>) -> SdkTime {
    SdkTime::from_secs(time.timestamp())
}

fn chrono_time(time: &SdkTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), 0)
}
