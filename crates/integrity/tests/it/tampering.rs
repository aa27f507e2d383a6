//! Kinds of tampering, and what they must be found to be.

use serde_json::json;

use crate::maker::{gunzip, gzip, hour};
use crate::stage::*;

/// One kind of tampering, or of none.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) make: fn() -> Stage,
    /// All that is found and is not simply valid: name and code.
    pub(crate) found: &'static [&'static str],
    /// Files of which the AWS CLI says something else, or nothing.
    pub(crate) beyond: &'static [&'static str],
    /// Why.
    pub(crate) why: &'static str,
}

/// A case of which both say the same.
const fn same(name: &'static str, make: fn() -> Stage, found: &'static [&'static str]) -> Case {
    Case { name, make, found, beyond: &[], why: "" }
}

/// A case of which trailql says more.
const fn more(
    name: &'static str,
    make: fn() -> Stage,
    found: &'static [&'static str],
    beyond: &'static [&'static str],
    why: &'static str,
) -> Case {
    Case { name, make, found, beyond, why }
}

/// Six hours, and something done to them.
macro_rules! tampered {
    (|$stage:ident| $body:expr) => {
        || {
            let mut stage = Stage::plain();
            {
                let $stage = &mut stage;
                $body;
            }
            stage
        }
    };
}

const UNPROVED: &str =
    "the log files of a digest that proves nothing are not proved; the AWS CLI does not mention them";

pub(crate) const CASES: &[Case] = &[
    same("untouched", Stage::plain, &[]),
    same("log content changed", tampered!(|s| s.edit("l2.1", |c| c[40] ^= 1)), &["l2.1 hash_mismatch"]),
    same(
        "byte of a log's checksum flipped",
        tampered!(|s| flip_from_end(s.bytes("l2.1"), 6)),
        &["l2.1 invalid_format"],
    ),
    more(
        "digest content changed",
        tampered!(|s| s.edit("d3", |c| flip_text(c, "hashValue\":\"", 12))),
        &["d3 signature_failed", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    more(
        "byte of a signature changed",
        tampered!(|s| change_hex(s.metadata("d3").signature.as_mut().unwrap())),
        &["d3 signature_failed", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    more(
        "signature that is no hexadecimal",
        tampered!(|s| s.metadata("d3").signature = Some("no signature".to_owned())),
        &["d3 signature_failed", "l3.0 not_covered", "l3.1 not_covered"],
        &["d3", "l3.0", "l3.1"],
        "the AWS CLI says that a digit is not hexadecimal",
    ),
    same(
        "signature in capitals",
        tampered!(|s| s.metadata("d3").signature.as_mut().unwrap().make_ascii_uppercase()),
        &[],
    ),
    same("log deleted", tampered!(|s| s.delete("l2.1")), &["l2.1 not_found"]),
    more(
        "digest deleted",
        tampered!(|s| s.delete("d3")),
        &["d3 not_found", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    more(
        "signature deleted",
        tampered!(|s| s.metadata("d3").signature = None),
        &["d3 signature_failed", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    more(
        "signature algorithm deleted",
        tampered!(|s| s.metadata("d3").signature_algorithm = None),
        &["d3 signature_failed", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    same("two logs swapped", tampered!(|s| s.swap("l1.0", "l4.0")), &["l1.0 hash_mismatch", "l4.0 hash_mismatch"]),
    more(
        "two digests swapped",
        tampered!(|s| s.swap("d2", "d3")),
        &["d2 moved", "d3 moved", "l2.0 not_covered", "l2.1 not_covered", "l3.0 not_covered", "l3.1 not_covered"],
        &["l2.0", "l2.1", "l3.0", "l3.1"],
        UNPROVED,
    ),
    same("log packed with another level", tampered!(|s| *s.bytes("l2.1") = gzip(&gunzip(s.bytes("l2.1")), 1)), &[]),
    same("digest packed with another level", tampered!(|s| *s.bytes("d2") = gzip(&gunzip(s.bytes("d2")), 1)), &[]),
    same("bytes behind a log", tampered!(|s| s.bytes("l2.1").extend(b"more")), &["l2.1 trailing_data"]),
    same(
        "bytes behind a log that end like it",
        tampered!(|s| {
            let tail = s.bytes("l2.1").last_chunk::<8>().unwrap().to_vec();
            s.bytes("l2.1").extend(tail)
        }),
        &["l2.1 trailing_data"],
    ),
    same(
        "second gzip member behind a log",
        tampered!(|s| s.bytes("l2.1").extend(gzip(b"{\"Records\":[]}", 6))),
        &["l2.1 trailing_data"],
    ),
    more(
        "bytes behind a digest",
        tampered!(|s| s.bytes("d3").extend(b"more")),
        &["d3 trailing_data", "l3.0 not_covered", "l3.1 not_covered"],
        &["d3", "l3.0", "l3.1"],
        "the AWS CLI looks for bytes behind log files only",
    ),
    more(
        "digest signed by a stranger",
        signed_by_a_stranger,
        &["d3 signature_failed", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    same("keys rotated", keys_rotated, &[]),
    more(
        "signed with a key of the past",
        key_of_the_past,
        &[
            "d250 key_not_found",
            "d251 key_not_found",
            "l250.0 not_covered",
            "l250.1 not_covered",
            "l251.0 not_covered",
            "l251.1 not_covered",
        ],
        &["l250.0", "l250.1", "l251.0", "l251.1"],
        UNPROVED,
    ),
    more(
        "older digest in the place of a newer one",
        tampered!(|s| {
            let (old, new) = (s.key("d1"), s.key("d3"));
            let replay = s.world.get(&old).clone();
            *s.world.get(&new) = replay
        }),
        &["d3 moved", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    more(
        "hash of the previous digest forged, with CloudTrail's key",
        || Stage::with_signed(|body| body["previousDigestHashValue"] = json!("00".repeat(32))),
        &["d2 previous_hash_mismatch", "l2.0 not_covered", "l2.1 not_covered"],
        &["d2", "l2.0", "l2.1"],
        "the AWS CLI does not look at previousDigestHashValue",
    ),
    more(
        "signature of the previous digest forged, with CloudTrail's key",
        || Stage::with_signed(|body| body["previousDigestSignature"] = json!("00".repeat(256))),
        &["d2 previous_signature_mismatch", "l2.0 not_covered", "l2.1 not_covered"],
        &["d2", "l2.0", "l2.1"],
        "the AWS CLI does not compare previousDigestSignature with the previous digest's",
    ),
    more(
        "log moved",
        tampered!(|s| s.rename("l2.1", "_20240301T0206Z", "_20240301T0259Z")),
        &["l2.1 not_found", "moved not_mentioned"],
        &["moved"],
        "the AWS CLI does not list log files",
    ),
    more(
        "digest moved",
        tampered!(|s| s.rename("d3", "T040000Z", "T033000Z")),
        &["d3 not_found", "l3.0 not_covered", "l3.1 not_covered", "moved moved"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    same("log cut in half", tampered!(|s| halve(s.bytes("l2.1"))), &["l2.1 hash_mismatch"]),
    same("log emptied", tampered!(|s| s.bytes("l2.1").clear()), &["l2.1 hash_mismatch"]),
    more(
        "log cut off before its checksum",
        tampered!(|s| {
            let length = s.bytes("l2.1").len() - 8;
            s.bytes("l2.1").truncate(length)
        }),
        &["l2.1 invalid_format"],
        &["l2.1"],
        "the AWS CLI does not notice that a stream has no end",
    ),
    more(
        "digest cut in half",
        tampered!(|s| halve(s.bytes("d3"))),
        &["d3 invalid_format", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    same("hours without logs", hours_without_logs, &[]),
    same("gap while validation was off", gap, &["d1 gap"]),
    same("trail made anew without a gap", remade, &["d2 gap"]),
    same("backfill digests", backfill, &[]),
    same(
        "backfill digest without its time",
        || {
            let mut s = backfill();
            s.metadata("bd2").backfill_generation_timestamp = None;
            s
        },
        &["bd2 invalid_format"],
    ),
    same("two trails in one bucket", two_trails, &[]),
    same("range that begins and ends within hours", clock_edge, &[]),
    same(
        "range that begins and ends with a digest",
        || {
            let mut s = Stage::plain();
            (s.since, s.until) = (hour(2), hour(4));
            s
        },
        &[],
    ),
    same(
        "signature algorithm renamed in the metadata",
        tampered!(|s| s.metadata("d3").signature_algorithm = Some("SHA512withRSA".to_owned())),
        &["d3 other_signature_algorithm"],
    ),
    more(
        "unknown hash algorithm, signed",
        || Stage::with_signed(|body| body["logFiles"][1]["hashAlgorithm"] = json!("MD5")),
        &["l3.1 unknown_hash_algorithm"],
        &["l3.1"],
        "the AWS CLI takes every hash for SHA-256",
    ),
    same("digest of 20 MB", || Stage::with_signed(|body| body["padding"] = json!("x".repeat(20 << 20))), &[]),
    more(
        "digest that is no JSON",
        tampered!(|s| *s.bytes("d3") = gzip(b"{\"digestStartTime\":", 6)),
        &["d3 invalid_format", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    more(
        "digest that is not packed",
        tampered!(|s| *s.bytes("d3") = gunzip(s.bytes("d3"))),
        &["d3 invalid_format", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    same("log that is not packed", tampered!(|s| *s.bytes("l2.1") = gunzip(s.bytes("l2.1"))), &["l2.1 invalid_format"]),
    more(
        "digest without a member that is signed",
        tampered!(
            |s| s.edit("d3", |c| *c = String::from_utf8(c.clone()).unwrap().replace("digestEndTime", "other").into())
        ),
        &["d3 invalid_format", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    more(
        "log added",
        tampered!(|s| {
            let (trail, world) = (&s.trail, &mut s.world);
            let (key, _) = trail.log(world, 2, 9);
            s.names.insert(key, "added".to_owned())
        }),
        &["added not_mentioned"],
        &["added"],
        "the AWS CLI does not list log files",
    ),
    more(
        "two digests in a row deleted",
        tampered!(|s| {
            s.delete("d2");
            s.delete("d3")
        }),
        &[
            "d1 hours_missing",
            "d3 not_found",
            "l2.0 not_covered",
            "l2.1 not_covered",
            "l3.0 not_covered",
            "l3.1 not_covered",
        ],
        &["l2.0", "l2.1", "l3.0", "l3.1"],
        "the AWS CLI names the one that it knows from its successor, and not the time of the other",
    ),
    more(
        "newest digests deleted",
        tampered!(|s| ["d3", "d4", "d5"].iter().for_each(|digest| s.delete(digest))),
        &[
            "d2 chain_ends",
            "l3.0 awaits_digest",
            "l3.1 awaits_digest",
            "l4.0 awaits_digest",
            "l4.1 awaits_digest",
            "l5.0 awaits_digest",
            "l5.1 awaits_digest",
        ],
        &["l3.0", "l3.1", "l4.0", "l4.1", "l5.0", "l5.1"],
        "the AWS CLI takes the newest digest that is there for the newest that was",
    ),
    more(
        "oldest digests deleted",
        tampered!(|s| {
            s.delete("d0");
            s.delete("d1")
        }),
        &[
            " hours_missing",
            "d1 not_found",
            "l0.0 not_covered",
            "l0.1 not_covered",
            "l1.0 not_covered",
            "l1.1 not_covered",
        ],
        &["l0.0", "l0.1", "l1.0", "l1.1"],
        UNPROVED,
    ),
    more(
        "all digests deleted",
        tampered!(|s| ["d0", "d1", "d2", "d3", "d4", "d5"].iter().for_each(|digest| s.delete(digest))),
        &[
            "l0.0 not_covered",
            "l0.1 not_covered",
            "l1.0 not_covered",
            "l1.1 not_covered",
            "l2.0 not_covered",
            "l2.1 not_covered",
            "l3.0 not_covered",
            "l3.1 not_covered",
            "l4.0 not_covered",
            "l4.1 not_covered",
            "l5.0 not_covered",
            "l5.1 not_covered",
        ],
        &["l0.0", "l0.1", "l1.0", "l1.1", "l2.0", "l2.1", "l3.0", "l3.1", "l4.0", "l4.1", "l5.0", "l5.1"],
        "the AWS CLI finds no digests and is content",
    ),
    same("bucket changed", bucket_changed, &[]),
    same("prefix in the bucket", prefix_in_the_bucket, &[]),
    more(
        "fingerprint of the key changed",
        tampered!(|s| s.edit("d3", |c| flip_text(c, "Fingerprint\":\"", 14))),
        &["d3 key_not_found", "l3.0 not_covered", "l3.1 not_covered"],
        &["l3.0", "l3.1"],
        UNPROVED,
    ),
    same(
        "key that is none",
        || {
            let mut s = Stage::plain();
            s.until = hour(1);
            s.since = hour(1);
            s.keys[0].value = b"no key".to_vec();
            s
        },
        &["d0 key_unreadable", "d1 key_unreadable"],
    ),
    more(
        "key in the other encoding",
        || {
            let mut s = Stage::plain();
            s.keys[0].value = subject_public_key_info(&s.keys[0].value);
            s
        },
        &[],
        &[
            "d0", "d1", "d2", "d3", "d4", "d5", "l0.0", "l0.1", "l1.0", "l1.1", "l2.0", "l2.1", "l3.0", "l3.1", "l4.0",
            "l4.1", "l5.0", "l5.1",
        ],
        "CloudTrail's documentation shows a SubjectPublicKeyInfo, which the AWS CLI cannot read",
    ),
];
