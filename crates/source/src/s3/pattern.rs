//! Patterns such as `AWSLogs/*/CloudTrail/us-*/2024/03/**`, matched folder by folder so that only what can match is
//! listed.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use glob::{MatchOptions, Pattern};

use crate::listing::SourceError;
use crate::s3::walk::{Found, Walker, name_of};

/// As in local patterns, `*` stays within one folder.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// Folders expanded at once, at each level.
const FOLDERS_AT_ONCE: usize = 64;

impl Walker<'_> {
    /// Objects that match a pattern, and everything below folders that do.
    pub(crate) async fn pattern(&self, pattern: &str) -> Result<Found, SourceError> {
        for part in pattern.split('/') {
            Pattern::new(part).map_err(|error| SourceError::pattern(pattern, &error))?;
        }
        self.expand(String::new(), pattern).await
    }

    fn expand<'b>(&'b self, above: String, pattern: &'b str) -> BoxFuture<'b, Result<Found, SourceError>> {
        async move {
            let (part, rest) = match pattern.split_once('/') {
                Some((part, rest)) if !rest.is_empty() => (part, Some(rest)),
                _ => (pattern, None),
            };
            let literal = &part[..part.find(['*', '?', '[']).unwrap_or(part.len())];
            match rest {
                _ if part == "**" => self.everywhere(&above, pattern).await,
                None if literal == part => self.named(&format!("{above}{part}")).await,
                Some(rest) if literal == part => self.expand(format!("{above}{part}/"), rest).await,
                rest => self.matching(&above, literal, part, rest).await,
            }
        }
        .boxed()
    }

    /// What matches `part` right below `above`: folders are expanded by `rest`, or taken whole if there is none.
    async fn matching(&self, above: &str, literal: &str, part: &str, rest: Option<&str>) -> Result<Found, SourceError> {
        let matcher = compile(part)?;
        let mut level = self.level(&format!("{above}{literal}")).await?;
        level.folders.retain(|folder| matcher.matches_with(name_of(folder), OPTIONS));
        // An object with the folder's own name stands for the folder.
        let is_match = |key: &str| key.len() > above.len() && matcher.matches_with(name_of(key), OPTIONS);
        level.objects.retain(|object| rest.is_none() && is_match(&object.key));
        let found = Found { is_there: !level.objects.is_empty(), named: level.objects, ..Found::default() };
        let below = stream::iter(level.folders).map(|folder| match rest {
            Some(rest) => self.expand(folder, rest),
            None => self.folder(folder, 0),
        });
        let below = below.buffer_unordered(FOLDERS_AT_ONCE);
        below.try_fold(found, |found, more| async { Ok(found.with(more)) }).await
    }

    /// `**`: whatever lies below `above` and matches.
    async fn everywhere(&self, above: &str, pattern: &str) -> Result<Found, SourceError> {
        let matcher = compile(pattern)?;
        let mut found = self.range(above.to_owned(), None, None).await?;
        let matches = |key: &str| key.get(above.len()..).is_some_and(|below| matcher.matches_with(below, OPTIONS));
        // A pattern that ends with `**` matches folders, and with them what they hold.
        found.objects.retain(|object| pattern.ends_with("**") || matches(&object.key));
        Ok(found)
    }
}

fn compile(pattern: &str) -> Result<Pattern, SourceError> {
    Pattern::new(pattern).map_err(|error| SourceError::pattern(pattern, &error))
}
