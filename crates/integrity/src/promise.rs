//! What digests promise about some log files, for whoever reads those himself and holds the bytes that he uses against it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::IntegrityError;
use crate::finding::{Chain, DigestInfo, Finding, Severity, Subject};
use crate::keys::KeyRing;
use crate::logs::{Expectation, Mention};
use crate::options::{Filters, Progress, ValidateOptions};
use crate::run::{Message, walk};
use crate::source::Source;
use crate::verdict::Verdict;

/// What is known about one log file without reading it.
#[derive(Debug, Clone)]
pub enum Promise {
    /// A valid digest says what is in it.
    Expected {
        /// The chain of the digest.
        chain: Arc<Chain>,
        /// The digest.
        digest: Arc<DigestInfo>,
        /// Bucket that the file was delivered to.
        bucket: String,
        /// Key that it was delivered to.
        key: String,
        /// What it says.
        expected: Expectation,
    },
    /// No valid digest does, and why.
    None(Finding),
}

/// What is known about some log files, and about the digests of their time.
#[derive(Debug, Default)]
pub struct Promises {
    /// By the file's name as [`Source::file_name`] spells it. Files that no chain has to do with are not in it.
    pub files: HashMap<String, Promise>,
    /// What was found about digests and spans of time.
    pub digests: Vec<Finding>,
}

/// Checks the digests of `source` that the filters let through, and looks up what the valid ones say about the `wanted`
/// files, none of which is read.
pub async fn promises(
    source: Arc<Source>,
    filters: Filters,
    keys: Arc<KeyRing>,
    progress: Arc<Progress>,
    wanted: &HashSet<&str>,
) -> Result<Promises, IntegrityError> {
    let mut promises = Promises::default();
    let names = Arc::clone(&source);
    let tell = |message| match message {
        Message::Found(finding) if finding.subject == Subject::LogFile => {
            let name = names.file_name(&finding.bucket, &finding.key);
            if wanted.contains(name.as_str()) {
                promises.files.entry(name).or_insert(Promise::None(finding));
            }
        }
        Message::Found(finding) => promises.digests.push(finding),
        Message::Mentioned(mention) => {
            let name = names.file_name(&mention.entry.s3_bucket, &mention.entry.s3_object);
            if wanted.contains(name.as_str()) {
                promises.add(name, mention);
            }
        }
        Message::Covered { .. } => {}
    };
    let options = ValidateOptions { filters, ..ValidateOptions::default() };
    walk(source, options, keys, progress, true, tell).await?;
    Ok(promises)
}

impl Promises {
    /// A valid digest outweighs one that could not be checked; two valid ones must say the same.
    fn add(&mut self, name: String, mention: Mention) {
        let Mention { chain, digest, entry, is_proof } = mention;
        let finding = |verdict, chain, digest| {
            let (bucket, key) = (entry.s3_bucket.clone(), entry.s3_object.clone());
            Finding { chain, subject: Subject::LogFile, bucket, key, verdict, digest: Some(digest), version: None }
        };
        let before = self.files.remove(&name);
        let promise = match before {
            Some(before) if !is_proof => before,
            None if !is_proof => Promise::None(finding(Verdict::DigestUnchecked, chain, digest)),
            // Whatever is in the file, one of the digests says otherwise.
            Some(Promise::Expected { expected, .. }) if !expected.is_alike(&entry) => {
                Promise::None(finding(Verdict::HashMismatch, chain, digest))
            }
            Some(Promise::None(found)) if found.verdict.severity() == Severity::Invalid => Promise::None(found),
            _ => {
                let (bucket, key) = (entry.s3_bucket.clone(), entry.s3_object.clone());
                Promise::Expected { chain, digest, bucket, key, expected: Expectation::new(entry) }
            }
        };
        self.files.insert(name, promise);
    }
}
