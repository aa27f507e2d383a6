//! A small world whose files have short names, and ways to tamper with them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use trailql_integrity::{Metadata, PublicKey};

use crate::maker::{BUCKET, SigningKey, Trail, World, gunzip, gzip, hour};

/// A world with one trail whose files have short names: `d3` is the digest of hour 3, `l3.1` a log file of it.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) trail: Trail,
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) keys: Vec<PublicKey>,
    pub(crate) since: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

/// Log files of each hour.
pub(crate) const LOGS: usize = 2;

impl Stage {
    pub(crate) fn empty() -> Self {
        Self {
            world: World::default(),
            trail: Trail::new("main"),
            names: BTreeMap::new(),
            keys: vec![SigningKey::first().public, SigningKey::second().public],
            since: hour(0),
            until: hour(6),
        }
    }

    /// Six hours, untouched.
    pub(crate) fn plain() -> Self {
        let mut stage = Self::empty();
        stage.deliver(0..6);
        stage
    }

    pub(crate) fn deliver(&mut self, hours: std::ops::Range<i64>) {
        self.name(hours.clone());
        self.trail.deliver(&mut self.world, hours, LOGS);
    }

    pub(crate) fn name(&mut self, hours: std::ops::Range<i64>) {
        let prefix = if self.trail.is_backfill { "b" } else { "" };
        for start in hours {
            self.names.insert(self.trail.digest_key(start), format!("{prefix}d{start}"));
            for n in 0..LOGS {
                self.names.insert(self.trail.log_key(start, n), format!("{prefix}l{start}.{n}"));
            }
        }
    }

    /// Key of the file with that name.
    pub(crate) fn key(&self, name: &str) -> String {
        self.names.iter().find(|(_, known)| *known == name).unwrap().0.clone()
    }

    pub(crate) fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        let key = self.key(name);
        &mut self.world.get(&key).bytes
    }

    pub(crate) fn metadata(&mut self, name: &str) -> &mut Metadata {
        let key = self.key(name);
        &mut self.world.get(&key).metadata
    }

    /// Changes the content of a file.
    pub(crate) fn edit(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let bytes = self.bytes(name);
        let mut content = gunzip(bytes);
        change(&mut content);
        *bytes = gzip(&content, 6);
    }

    pub(crate) fn delete(&mut self, name: &str) {
        let key = self.key(name);
        self.world.delete(&key);
    }

    pub(crate) fn swap(&mut self, a: &str, b: &str) {
        let (a, b) = (self.key(a), self.key(b));
        let (one, other) = (self.world.get(&a).clone(), self.world.get(&b).clone());
        *self.world.get(&a) = other;
        *self.world.get(&b) = one;
    }

    /// Moves a file; the new place is called `moved`.
    pub(crate) fn rename(&mut self, name: &str, from: &str, to: &str) {
        let key = self.key(name);
        let object = self.world.get(&key).clone();
        let new = key.replace(from, to);
        assert_ne!(new, key);
        self.world.put(BUCKET, &new, object.bytes, object.metadata);
        self.world.delete(&key);
        self.names.insert(new, "moved".to_owned());
    }

    /// Six hours, the digest of hour 3 with `edit` in its JSON before CloudTrail's key signs it.
    pub(crate) fn with_signed(edit: impl FnOnce(&mut Value)) -> Self {
        let mut stage = Self::empty();
        stage.deliver(0..3);
        stage.name(3..4);
        let logs: Vec<_> = (0..LOGS).map(|n| stage.trail.log(&mut stage.world, 3, n)).collect();
        stage.trail.digest(&mut stage.world, 3, &logs, edit);
        stage.deliver(4..6);
        stage
    }
}

pub(crate) fn signed_by_a_stranger() -> Stage {
    let mut stage = Stage::empty();
    stage.deliver(0..3);
    let genuine = std::mem::replace(&mut stage.trail.key, SigningKey::stranger());
    stage.deliver(3..4);
    stage.trail.key = genuine;
    stage.deliver(4..6);
    stage
}

pub(crate) fn keys_rotated() -> Stage {
    let mut stage = Stage::empty();
    stage.deliver(194..196);
    stage.trail.key = SigningKey::second();
    stage.deliver(196..198);
    (stage.since, stage.until) = (hour(194), hour(198));
    stage
}

pub(crate) fn key_of_the_past() -> Stage {
    let mut stage = Stage::empty();
    stage.deliver(250..252);
    (stage.since, stage.until) = (hour(250), hour(252));
    stage
}

pub(crate) fn hours_without_logs() -> Stage {
    let mut stage = Stage::empty();
    stage.deliver(0..2);
    for start in 2..4 {
        stage.name(start..start + 1);
        stage.trail.digest(&mut stage.world, start, &[], |_| {});
    }
    stage.deliver(4..6);
    stage
}

pub(crate) fn gap() -> Stage {
    let mut stage = Stage::empty();
    stage.deliver(0..2);
    stage.trail.restart();
    stage.deliver(4..6);
    stage
}

pub(crate) fn remade() -> Stage {
    let mut stage = Stage::empty();
    stage.deliver(0..3);
    stage.trail.restart();
    stage.deliver(3..6);
    stage
}

/// Six hours, of which the third and fourth were delivered afterwards.
pub(crate) fn backfill() -> Stage {
    let mut stage = Stage::empty();
    stage.deliver(0..6);
    let mut late = Trail::new("main");
    late.is_backfill = true;
    std::mem::swap(&mut stage.trail, &mut late);
    for start in 2..4 {
        // Other log files than those of the hour's own digest, which an hour late were delivered.
        let logs: Vec<_> = (0..LOGS).map(|n| stage.trail.log(&mut stage.world, start + 20, n)).collect();
        for (n, (key, _)) in logs.iter().enumerate() {
            stage.names.insert(key.clone(), format!("bl{start}.{n}"));
        }
        stage.names.insert(stage.trail.digest_key(start), format!("bd{start}"));
        stage.trail.digest(&mut stage.world, start, &logs, |_| {});
    }
    std::mem::swap(&mut stage.trail, &mut late);
    stage
}

pub(crate) fn two_trails() -> Stage {
    let mut stage = Stage::plain();
    Trail::new("other").deliver(&mut stage.world, 1..5, LOGS);
    Trail::new("main_more").deliver(&mut stage.world, 1..5, LOGS);
    stage
}

pub(crate) fn clock_edge() -> Stage {
    let mut stage = Stage::plain();
    stage.since = hour(1) + TimeDelta::minutes(30);
    stage.until = hour(4) - TimeDelta::seconds(1);
    stage
}

pub(crate) fn bucket_changed() -> Stage {
    let mut stage = Stage::empty();
    stage.trail.bucket = "former-bucket".to_owned();
    stage.deliver(0..3);
    stage.trail.bucket = BUCKET.to_owned();
    stage.deliver(3..6);
    stage
}

pub(crate) fn prefix_in_the_bucket() -> Stage {
    let mut stage = Stage::empty();
    stage.trail.prefix = "audit/all trails/".to_owned();
    stage.deliver(0..6);
    stage
}

pub(crate) fn flip_from_end(bytes: &mut [u8], behind: usize) {
    let at = bytes.len() - behind;
    bytes[at] ^= 1;
}

pub(crate) fn halve(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() / 2);
}

/// Changes the character that follows `offset` bytes behind the start of `text`.
pub(crate) fn flip_text(content: &mut [u8], text: &str, offset: usize) {
    let at = content.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + offset;
    content[at] = if content[at] == b'0' { b'1' } else { b'0' };
}

pub(crate) fn change_hex(signature: &mut String) {
    let last = signature.pop().unwrap();
    signature.push(if last == '0' { '1' } else { '0' });
}

/// Wraps a PKCS #1 key the way that other tools write it.
pub(crate) fn subject_public_key_info(pkcs1: &[u8]) -> Vec<u8> {
    let algorithm = STANDARD.decode("MA0GCSqGSIb3DQEBAQUA").unwrap();
    let length = |length: usize| [&[0x82][..], &(length as u16).to_be_bytes()].concat();
    let bits = [&[0x03][..], &length(pkcs1.len() + 1), &[0], pkcs1].concat();
    let content = [algorithm, bits].concat();
    [&[0x30][..], &length(content.len()), &content].concat()
}
