//! Public keys: what `aws cloudtrail list-public-keys` prints, and who else can be asked for them.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::der;
use crate::error::IntegrityError;

/// A digest may be signed this long after the hour that it covers; a key that begins to be valid later is none of its.
const SIGNED_WITHIN: TimeDelta = TimeDelta::hours(24);

/// Deep enough for an object by region of lists of answers.
const MAX_NESTING: usize = 4;

/// A public key that CloudTrail signs with for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its name in digests.
    pub fingerprint: String,
    /// DER, as CloudTrail hands it out.
    pub value: Vec<u8>,
    /// Begin of its validity, where known.
    pub valid_from: Option<DateTime<Utc>>,
    /// End of its validity, where known.
    pub valid_until: Option<DateTime<Utc>>,
}

impl PublicKey {
    /// The key as PKCS #1, whichever of the two known encodings it came in; as it came if it is in neither.
    pub(crate) fn pkcs1(&self) -> &[u8] {
        der::pkcs1(&self.value).unwrap_or(&self.value)
    }

    /// Whether it can be read as an RSA key at all.
    pub fn is_readable(&self) -> bool {
        der::pkcs1(&self.value).is_some()
    }

    /// Whether a digest that was made between `start` and `end` can have been signed with it.
    pub(crate) fn is_valid_for(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        self.valid_from.is_none_or(|from| from <= end + SIGNED_WITHIN)
            && self.valid_until.is_none_or(|until| until >= start)
    }
}

/// Someone who can be asked for public keys: the API of CloudTrail.
#[async_trait]
pub trait KeySource: std::fmt::Debug + Send + Sync {
    /// The keys that signed in `region` between two times.
    async fn list(
        &self,
        region: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<Vec<PublicKey>, Box<dyn std::error::Error + Send + Sync>>;
}

/// All keys at hand, by fingerprint.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Mutex<HashMap<String, PublicKey>>,
    source: Option<Arc<dyn KeySource>>,
    /// Regions and times that the source has answered for.
    asked: tokio::sync::Mutex<HashSet<(String, Span)>>,
    /// What the source has named.
    fetched: Mutex<HashSet<String>>,
}

/// A span of time that keys are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
}

impl KeyRing {
    /// A ring with no keys on it, which asks `source`, if there is one, for those that it misses.
    pub fn new(source: Option<Arc<dyn KeySource>>) -> Self {
        Self { source, ..Self::default() }
    }

    /// Adds the keys of a file: one or more answers of `list-public-keys`, on their own, in a list, or by region.
    pub fn add_file(&self, file: &Path) -> Result<(), IntegrityError> {
        let name = file.display().to_string();
        let text = std::fs::read(file).map_err(|source| IntegrityError::File {
            action: "read",
            file: name.clone(),
            source,
        })?;
        self.add(parse_keys(&text).map_err(|reason| IntegrityError::Keys { file: name, reason })?);
        Ok(())
    }

    /// Adds keys.
    pub fn add(&self, keys: impl IntoIterator<Item = PublicKey>) {
        self.lock().extend(keys.into_iter().map(|key| (key.fingerprint.clone(), key)));
    }

    /// Whether there is no key on it, and nobody to ask for one.
    pub fn is_hopeless(&self) -> bool {
        self.source.is_none() && self.lock().is_empty()
    }

    /// The keys on it, by fingerprint.
    pub fn keys(&self) -> Vec<PublicKey> {
        let mut keys: Vec<_> = self.lock().values().cloned().collect();
        keys.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
        keys
    }

    /// Those of them that the source of keys gave out.
    pub fn fetched_keys(&self) -> Vec<PublicKey> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        self.keys().into_iter().filter(|key| fetched.contains(&key.fingerprint)).collect()
    }

    /// The key of that name; asks for the keys that signed in `region` in `span` if it is not at hand.
    pub(crate) async fn find(&self, fingerprint: &str, region: &str, span: Span) -> Result<Option<PublicKey>, String> {
        if let Some(key) = self.lock().get(fingerprint) {
            return Ok(Some(key.clone()));
        }
        let Some(source) = &self.source else { return Ok(None) };
        // Held while asking, so that many digests of one region ask once.
        let mut asked = self.asked.lock().await;
        let question = (region.to_owned(), span);
        if !asked.contains(&question) {
            let keys = source.list(region, span.start, span.end).await.map_err(|error| error.to_string())?;
            tracing::info!(region, keys = keys.len(), "asked CloudTrail for public keys");
            asked.insert(question);
            let names = keys.iter().map(|key| key.fingerprint.clone());
            self.fetched.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
            self.add(keys);
        }
        Ok(self.lock().get(fingerprint).cloned())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, PublicKey>> {
        // A map is whole between any two instructions that can panic.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyJson {
    value: String,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validity_start_time: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validity_end_time: Option<Value>,
}

/// Reads what `aws cloudtrail list-public-keys` prints: one answer, several one after the other, a list of them, or an
/// object of them by region. Fails with the reason in words.
pub fn parse_keys(json: &[u8]) -> Result<Vec<PublicKey>, String> {
    let mut keys = Vec::new();
    for answer in serde_json::Deserializer::from_slice(json).into_iter::<Value>() {
        collect(answer.map_err(|error| error.to_string())?, MAX_NESTING, &mut keys)?;
    }
    if keys.is_empty() { Err("it holds no keys".to_owned()) } else { Ok(keys) }
}

/// Writes keys as `aws cloudtrail list-public-keys` prints them.
pub fn write_keys(keys: &[PublicKey]) -> String {
    let time = |time: Option<DateTime<Utc>>| time.map(|time| Value::String(time.to_rfc3339()));
    let list: Vec<_> = keys
        .iter()
        .map(|key| KeyJson {
            value: STANDARD.encode(&key.value),
            fingerprint: key.fingerprint.clone(),
            validity_start_time: time(key.valid_from),
            validity_end_time: time(key.valid_until),
        })
        .collect();
    format!("{:#}\n", serde_json::json!({ "PublicKeyList": list }))
}

fn collect(value: Value, nesting: usize, keys: &mut Vec<PublicKey>) -> Result<(), String> {
    let nesting = nesting.checked_sub(1).ok_or("it is nested too deeply")?;
    match value {
        Value::Object(mut object) => match object.remove("PublicKeyList") {
            Some(list) => {
                let list: Vec<KeyJson> = serde_json::from_value(list).map_err(|error| error.to_string())?;
                for key in list {
                    keys.push(key.try_into()?);
                }
                Ok(())
            }
            None => object.into_iter().try_for_each(|(_region, answer)| collect(answer, nesting, keys)),
        },
        Value::Array(answers) => answers.into_iter().try_for_each(|answer| collect(answer, nesting, keys)),
        other => Err(format!("it holds {other} where an answer should be")),
    }
}

impl TryFrom<KeyJson> for PublicKey {
    type Error = String;

    fn try_from(key: KeyJson) -> Result<Self, String> {
        let value = STANDARD
            .decode(key.value.trim())
            .map_err(|error| format!("the value of key {} is not base64: {error}", key.fingerprint))?;
        Ok(Self {
            value,
            valid_from: key.validity_start_time.map(read_time).transpose()?,
            valid_until: key.validity_end_time.map(read_time).transpose()?,
            fingerprint: key.fingerprint,
        })
    }
}

/// Version 1 of the AWS CLI prints seconds since 1970, version 2 ISO 8601.
fn read_time(time: Value) -> Result<DateTime<Utc>, String> {
    let read = match &time {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()),
        Value::Number(seconds) => seconds.as_f64().and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0)),
        _ => None,
    };
    read.ok_or_else(|| format!("{time} is not a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"PublicKeyList":[{"Value":"AAEC","Fingerprint":"f",
        "ValidityStartTime":"2024-03-01T00:00:00+00:00","ValidityEndTime":1711929600.0}]}"#;

    #[test]
    fn reads_answers_however_they_were_put_together() {
        let one = parse_keys(ANSWER.as_bytes()).expect("an answer");
        assert_eq!((one[0].fingerprint.as_str(), one[0].value.as_slice()), ("f", &[0, 1, 2][..]));
        assert_eq!(one[0].valid_from.map(|time| time.timestamp()), Some(1_709_251_200), "ISO 8601");
        assert_eq!(one[0].valid_until.map(|time| time.timestamp()), Some(1_711_929_600), "seconds");
        for many in [
            format!("{ANSWER}\n{ANSWER}"),
            format!("[{ANSWER},{ANSWER}]"),
            format!(r#"{{"us-east-1":{ANSWER},"eu-west-1":{ANSWER}}}"#),
        ] {
            assert_eq!(parse_keys(many.as_bytes()).expect("answers").len(), 2, "{many}");
        }
        assert_eq!(parse_keys(write_keys(&one).as_bytes()), Ok(one));
    }

    #[test]
    fn says_what_is_no_answer() {
        let nested = format!("{}{ANSWER}{}", "[".repeat(10), "]".repeat(10));
        for (json, reason) in [
            ("", "no keys"),
            (r#"{"PublicKeyList":[]}"#, "no keys"),
            ("{", "EOF"),
            ("7", "7"),
            (r#"{"PublicKeyList":[{"Value":"?","Fingerprint":"f"}]}"#, "not base64"),
            (&ANSWER.replace("1711929600.0", "\"soon\""), "not a time"),
            (&nested, "too deeply"),
        ] {
            let said = parse_keys(json.as_bytes()).expect_err("no answer");
            assert!(said.contains(reason), "{json}: {said}");
        }
    }

    #[test]
    fn a_key_counts_for_its_time_and_a_day_of_delay() {
        let day = |day: i64| DateTime::from_timestamp(day * 86_400, 0).expect("a time");
        let key = PublicKey {
            fingerprint: String::new(),
            value: Vec::new(),
            valid_from: Some(day(10)),
            valid_until: Some(day(20)),
        };
        let valid = |start, end| key.is_valid_for(day(start), day(end));
        assert!(valid(10, 10) && valid(20, 20) && valid(9, 9));
        assert!(!valid(8, 8) && !valid(21, 21));
    }
}
