//! Descending into a bucket, by as few requests as its layout allows, many of them at once.
//!
//! A trail's files of one account, kind and region are one range of keys, in the order of days. So the folders above are
//! listed one by one, and those that the scope leaves out are not entered; below a region, one request after the other
//! takes the next 1,000 keys between the first and the last wanted day. A range that turns out to be long is listed by
//! its subfolders side by side.

use chrono::NaiveDate;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use trailql_store::{Bucket, ListedObject, Page, PageRequest, Problem};

use crate::key::Kind;
use crate::listing::SourceError;
use crate::scope::{DayRange, ListingScope};

/// Listing requests in flight.
const REQUESTS_IN_FLIGHT: usize = 32;

/// Folders looked into at once, at each level.
const FOLDERS_AT_ONCE: usize = 64;

/// Pages of 1,000 keys after which a range is listed by its subfolders.
const PAGES_BEFORE_SPLIT: usize = 4;

/// How far below the source a folder `AWSLogs` is looked for; what lies deeper is listed as one range.
const MAX_DEPTH_OUTSIDE: usize = 4;

/// What a walk came upon.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Objects that the source names themselves.
    pub(crate) named: Vec<ListedObject>,
    /// Objects below a folder.
    pub(crate) objects: Vec<ListedObject>,
    /// Folders that hold no events.
    pub(crate) ignored_folders: Vec<String>,
    /// Anything at all is there, wanted or not.
    pub(crate) is_there: bool,
}

/// Lists a bucket.
pub(crate) struct Walker<'a> {
    bucket: &'a Bucket,
    scope: &'a ListingScope,
    requests: Semaphore,
}

/// Where a folder stands in a trail's layout.
#[derive(Debug, PartialEq, Eq)]
enum Standing<'a> {
    /// Not below `AWSLogs`, or not in a folder of CloudTrail's.
    Outside,
    /// Its subfolders are accounts, or an organisation's.
    Accounts,
    /// Its subfolders are kinds of logs.
    Kinds { account: &'a str, is_organization: bool },
    /// Its subfolders are regions.
    Regions { account: &'a str, is_organization: bool },
    /// The folder of a region, which the key begins with, or one below it.
    Days { account: &'a str, is_organization: bool, region: &'a str, region_folder: &'a str },
}

impl<'a> Walker<'a> {
    pub(crate) fn new(bucket: &'a Bucket, scope: &'a ListingScope) -> Self {
        Self { bucket, scope, requests: Semaphore::new(REQUESTS_IN_FLIGHT) }
    }

    /// What a key without wildcards means: an object, else a folder, else all that begins with it.
    pub(crate) async fn named(&self, key: &str) -> Result<Found, SourceError> {
        if key.is_empty() || key.ends_with('/') {
            let mut found = self.folder(key.to_owned(), 0).await?;
            if !found.is_there {
                let page = self.page(PageRequest { prefix: key, ..PageRequest::default() }).await?;
                found.is_there = !page.objects.is_empty();
            }
            return Ok(found);
        }
        let level = self.level(key).await?;
        if let Some(object) = level.objects.iter().find(|object| object.key == key) {
            return Ok(Found { named: vec![object.clone()], is_there: true, ..Found::default() });
        }
        let folder = format!("{key}/");
        if level.folders.contains(&folder) {
            return self.folder(folder, 0).await;
        }
        self.folders(level, 0, |_| true).await
    }

    /// Everything wanted below a folder.
    pub(crate) fn folder(&self, folder: String, depth: usize) -> BoxFuture<'_, Result<Found, SourceError>> {
        async move {
            match Standing::of(&folder) {
                Standing::Days { account, is_organization, region, region_folder } => {
                    let days = self.scope.days_of_account(account, is_organization);
                    let days = days.and(self.scope.days_of_region(region));
                    self.days(&folder, region_folder, days).await
                }
                Standing::Regions { account, is_organization } => {
                    let days = self.scope.days_of_account(account, is_organization);
                    let level = self.level(&folder).await?;
                    self.folders(level, 0, |region| !days.and(self.scope.days_of_region(region)).is_empty()).await
                }
                Standing::Kinds { account, is_organization } => {
                    let days = self.scope.days_of_account(account, is_organization);
                    if days.is_empty() { Ok(Found::default()) } else { self.kinds(&folder).await }
                }
                Standing::Accounts => {
                    let level = self.level(&folder).await?;
                    self.folders(level, 0, |_| true).await
                }
                Standing::Outside if depth < MAX_DEPTH_OUTSIDE => {
                    let level = self.level(&folder).await?;
                    self.folders(level, depth + 1, |_| true).await
                }
                Standing::Outside => self.range(folder, None, None).await,
            }
        }
        .boxed()
    }

    /// Enters the folders of kinds that hold events, and notes the others.
    async fn kinds(&self, folder: &str) -> Result<Found, SourceError> {
        let mut level = self.level(folder).await?;
        let holds_events = |folder: &String| Kind::parse(name_of(folder)).is_some_and(|kind| kind != Kind::Digest);
        let (wanted, ignored): (Vec<_>, Vec<_>) = level.folders.into_iter().partition(holds_events);
        level.folders = wanted;
        let mut found = self.folders(level, 0, |_| true).await?;
        found.ignored_folders.extend(ignored);
        Ok(found)
    }

    /// The objects of a level, and everything wanted below those of its folders whose names `enter` takes.
    async fn folders(
        &self,
        level: Page,
        depth: usize,
        enter: impl Fn(&str) -> bool + Send,
    ) -> Result<Found, SourceError> {
        let is_there = !level.objects.is_empty() || !level.folders.is_empty();
        let entered = level.folders.into_iter().filter(|folder| enter(name_of(folder)));
        let below = stream::iter(entered.collect::<Vec<_>>())
            .map(|folder| self.folder(folder, depth))
            .buffer_unordered(FOLDERS_AT_ONCE);
        let found = Found { objects: level.objects, is_there, ..Found::default() };
        below.try_fold(found, |found, more| async { Ok(found.with(more)) }).await
    }

    /// The objects of some days below a region's folder.
    async fn days(&self, folder: &str, region_folder: &str, days: DayRange) -> Result<Found, SourceError> {
        if days.is_empty() {
            return Ok(Found::default());
        }
        let key = |day: NaiveDate| format!("{region_folder}{}", day.format("%Y/%m/%d"));
        let (first, last) = (days.first.map(key), days.last.map(key));
        self.range(folder.to_owned(), first.as_deref(), last.as_deref()).await
    }

    /// The objects below `prefix` with keys behind `after`, up to those that begin with `last`.
    pub(crate) fn range<'b>(
        &'b self,
        prefix: String,
        after: Option<&'b str>,
        last: Option<&'b str>,
    ) -> BoxFuture<'b, Result<Found, SourceError>> {
        async move {
            let mut found = Found::default();
            let mut token: Option<String> = None;
            for pages in 1.. {
                let request = PageRequest { prefix: &prefix, after, token: token.as_deref(), by_folder: false };
                let page = self.page(request).await?;
                let is_last = page.token.is_none() || page.objects.last().is_some_and(|end| is_beyond(&end.key, last));
                found.is_there |= !page.objects.is_empty();
                found.objects.extend(page.objects.into_iter().filter(|object| !is_beyond(&object.key, last)));
                if is_last {
                    break;
                }
                token = page.token;
                if pages == PAGES_BEFORE_SPLIT
                    && let Some(rest) = self.split(&prefix, &found, last).await?
                {
                    return Ok(found.with(rest));
                }
            }
            Ok(found)
        }
        .boxed()
    }

    /// What a range still lacks, listed by its subfolders; `None` if it has none to speak of.
    async fn split(&self, prefix: &str, so_far: &Found, last: Option<&str>) -> Result<Option<Found>, SourceError> {
        let Some(at) = so_far.objects.last().map(|object| object.key.clone()) else { return Ok(None) };
        let mut level = self.level(prefix).await?;
        level.folders.retain(|folder| !is_beyond(folder, last) && (*folder > at || at.starts_with(folder)));
        if level.folders.len() < 2 {
            return Ok(None);
        }
        level.objects.retain(|object| object.key > at && !is_beyond(&object.key, last));
        let rest = stream::iter(level.folders)
            .map(|folder| self.range(folder, Some(&at), last))
            .buffer_unordered(FOLDERS_AT_ONCE);
        let found = Found { objects: level.objects, ..Found::default() };
        rest.try_fold(found, |found, more| async { Ok(found.with(more)) }).await.map(Some)
    }

    /// The objects and folders right below a folder, or those that begin like `prefix`.
    pub(crate) async fn level(&self, prefix: &str) -> Result<Page, SourceError> {
        let mut level = Page::default();
        loop {
            let request = PageRequest { prefix, by_folder: true, after: None, token: level.token.as_deref() };
            let page = self.page(request).await?;
            level.objects.extend(page.objects);
            level.folders.extend(page.folders);
            level.token = page.token;
            if level.token.is_none() {
                return Ok(level);
            }
        }
    }

    async fn page(&self, request: PageRequest<'_>) -> Result<Page, SourceError> {
        let _permit = self.requests.acquire().await;
        self.bucket.list_page(request).await.map_err(|error| SourceError::List {
            url: format!("s3://{}/{}", self.bucket.name(), request.prefix),
            problem: Problem::of(&error),
        })
    }
}

impl Found {
    pub(crate) fn with(mut self, more: Self) -> Self {
        self.named.extend(more.named);
        self.objects.extend(more.objects);
        self.ignored_folders.extend(more.ignored_folders);
        self.is_there |= more.is_there;
        self
    }
}

impl<'a> Standing<'a> {
    fn of(folder: &'a str) -> Self {
        let mut parts = Vec::new();
        let mut start = 0;
        for part in folder.split_terminator('/') {
            let end = start + part.len() + 1;
            parts.push((part, end));
            start = end;
        }
        let Some(root) = parts.iter().rposition(|(part, _)| *part == "AWSLogs") else { return Self::Outside };
        let mut below = &parts[root + 1..];
        let is_organization = below.first().is_some_and(|(part, _)| part.starts_with("o-"));
        if is_organization {
            below = &below[1..];
        }
        let is_account = |part: &str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
        match below {
            [] => Self::Accounts,
            [(account, _), ..] if !is_account(account) => Self::Outside,
            [(account, _)] => Self::Kinds { account, is_organization },
            [_, (kind, _), ..] if Kind::parse(kind).is_none() => Self::Outside,
            [(account, _), _] => Self::Regions { account, is_organization },
            [(account, _), _, (region, end), ..] => {
                Self::Days { account, is_organization, region, region_folder: &folder[..*end] }
            }
        }
    }
}

/// Whether `key` lies behind everything that begins with `last`.
fn is_beyond(key: &str, last: Option<&str>) -> bool {
    last.is_some_and(|last| key.as_bytes().iter().take(last.len()).gt(last.as_bytes().iter()))
}

/// `us-east-1` of `AWSLogs/111122223333/CloudTrail/us-east-1/`.
pub(crate) fn name_of(folder: &str) -> &str {
    folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_a_folder_stands() {
        let account = "111122223333";
        for (folder, standing) in [
            ("", Standing::Outside),
            ("logs/2024/", Standing::Outside),
            ("p/AWSLogs/", Standing::Accounts),
            ("AWSLogs/o-abc/", Standing::Accounts),
            ("AWSLogs/111122223333/", Standing::Kinds { account, is_organization: false }),
            ("AWSLogs/o-abc/111122223333/", Standing::Kinds { account, is_organization: true }),
            ("AWSLogs/111122223333/CloudTrail/", Standing::Regions { account, is_organization: false }),
            ("AWSLogs/111122223333/Config/", Standing::Outside),
            ("AWSLogs/other/", Standing::Outside),
        ] {
            assert_eq!(Standing::of(folder), standing, "{folder}");
        }
        let region_folder = "AWSLogs/o-abc/111122223333/CloudTrail-Insight/us-east-1/";
        for below in ["", "2024/", "2024/03/01/"] {
            let folder = format!("{region_folder}{below}");
            let days = Standing::Days { account, is_organization: true, region: "us-east-1", region_folder };
            assert_eq!(Standing::of(&folder), days);
        }
    }

    #[test]
    fn a_range_ends_behind_its_last_day() {
        let last = Some("r/2024/03/05");
        for key in ["r/2024/03/05", "r/2024/03/05/z.json", "r/2024/02/28/z.json", "r/2023/12/31/z.json"] {
            assert!(!is_beyond(key, last), "{key}");
        }
        for key in ["r/2024/03/06/a.json", "r/2024/12/01/a.json", "r/2025/01/01/a.json", "s"] {
            assert!(is_beyond(key, last), "{key}");
        }
        assert!(!is_beyond("zzz", None));
    }
}
