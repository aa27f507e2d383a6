//! What can be found about a digest, a log file or a span of time: in the words of the AWS CLI where it has them.

use chrono::{DateTime, Utc};

use crate::finding::{Severity, display_time};

/// What was found. Texts up to [`TrailingData`](Self::TrailingData) are those of the AWS CLI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Verdict {
    /// Proved.
    #[error("valid")]
    Valid,
    /// The digest is proved by the copy of its signature in the digest behind it; its own metadata are not at hand.
    #[error("valid (by the signature that the digest behind it holds)")]
    ValidBySuccessor,
    /// Was proved in an earlier run, and the object has not been written since.
    #[error("valid (proved before, unchanged since)")]
    ValidBefore,

    /// Mentioned by a valid digest, and not there.
    #[error("not found")]
    NotFound,
    /// No gzip, no JSON, or not the members that a digest must have.
    #[error("invalid format")]
    InvalidFormat {
        /// What exactly.
        detail: String,
    },
    /// The signature is missing, or is not that of this content by this key.
    #[error("signature verification failed")]
    SignatureFailed,
    /// The digest was delivered to another place than where it was read.
    #[error("has been moved from its original location")]
    Moved {
        /// Where it was delivered to.
        original: String,
    },
    /// Nobody knows the key that the digest names.
    #[error("public key not found in region {region} for fingerprint {fingerprint}")]
    KeyNotFound {
        /// Home region of the trail.
        region: String,
        /// Name of the key.
        fingerprint: String,
    },
    /// The key is no RSA key.
    #[error("Unable to load PKCS #1 key with fingerprint {fingerprint}")]
    KeyUnreadable {
        /// Name of the key.
        fingerprint: String,
    },
    /// The content is not the one that was delivered.
    #[error("hash value doesn't match")]
    HashMismatch,
    /// Bytes follow the compressed content, which no hash covers.
    #[error("unexpected data after end of compressed stream")]
    TrailingData,

    /// The key was not in use at the time of the digest.
    #[error("signed with key {fingerprint}, which was not valid then")]
    KeyNotValidThen {
        /// Name of the key.
        fingerprint: String,
    },
    /// The digest names a hash algorithm that CloudTrail does not use.
    #[error("hash algorithm {algorithm} is not known")]
    UnknownHashAlgorithm {
        /// The algorithm.
        algorithm: String,
    },
    /// The digest behind it recorded another content.
    #[error("its content is not the one that the digest behind it recorded")]
    PreviousHashMismatch,
    /// The digest behind it recorded another signature.
    #[error("its signature is not the one that the digest behind it recorded")]
    PreviousSignatureMismatch,
    /// Hours of a running chain are in no digest that is still there.
    #[error("no digest covers the time between {} and {}", display_time(*from), display_time(*to))]
    HoursMissing {
        /// End of the older digest.
        from: DateTime<Utc>,
        /// Begin of the newer one.
        to: DateTime<Utc>,
    },
    /// A log file from a time that valid digests cover, in none of them.
    #[error("mentioned by no digest, though valid digests cover its time")]
    NotMentioned,

    /// CloudTrail began the chain anew: validation or logging was off in between.
    #[error("No log files were delivered by CloudTrail between {} and {}", display_time(*from), display_time(*to))]
    Gap {
        /// End of the older digest.
        from: DateTime<Utc>,
        /// Begin of the newer one.
        to: DateTime<Utc>,
    },
    /// Two digests that are linked leave a time between them; that is what CloudTrail signed.
    #[error("digests are linked, and leave out the time between {} and {}", display_time(*from), display_time(*to))]
    NotContiguous {
        /// End of the older digest.
        from: DateTime<Utc>,
        /// Begin of the newer one.
        to: DateTime<Utc>,
    },
    /// A digest that is there, and that the chain passes by.
    #[error("the chain of digests passes it by")]
    Unlinked,
    /// The metadata name an algorithm other than the one by which the signature is right.
    #[error("its metadata name the algorithm {algorithm}; the signature is right as SHA256withRSA")]
    OtherSignatureAlgorithm {
        /// The algorithm.
        algorithm: String,
    },
    /// The chain ends before the time that was asked for.
    #[error("the newest digest ends at {}; later ones are not there", display_time(*at))]
    ChainEnds {
        /// End of the newest digest.
        at: DateTime<Utc>,
    },
    /// The log file is so new that its digest may not have been delivered.
    #[error("its digest is not there yet")]
    AwaitsDigest,

    /// The signature did not come along, and no digest behind it holds a copy.
    #[error("its signature is not at hand")]
    NoSignature,
    /// The public keys could not be fetched.
    #[error("public key {fingerprint} could not be fetched: {reason}")]
    KeyUnavailable {
        /// Name of the key.
        fingerprint: String,
        /// Why not.
        reason: String,
    },
    /// A digest leads to a bucket that cannot be read.
    #[error("bucket {bucket} is not at hand")]
    BucketNotAtHand {
        /// Name of the bucket.
        bucket: String,
    },
    /// The file could not be read.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// Why not.
        reason: String,
    },
    /// A log file of a digest that could not be checked.
    #[error("its digest could not be checked")]
    DigestUnchecked,
    /// A log file from a time that no valid digest covers.
    #[error("no valid digest covers its time")]
    NotCovered,
}

impl Verdict {
    /// How much it weighs.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Valid | Self::ValidBySuccessor | Self::ValidBefore => Severity::Valid,
            Self::Gap { .. }
            | Self::NotContiguous { .. }
            | Self::Unlinked
            | Self::OtherSignatureAlgorithm { .. }
            | Self::ChainEnds { .. }
            | Self::AwaitsDigest => Severity::Notice,
            Self::NoSignature
            | Self::KeyUnavailable { .. }
            | Self::BucketNotAtHand { .. }
            | Self::Unreadable { .. }
            | Self::DigestUnchecked
            | Self::NotCovered => Severity::Unchecked,
            _ => Severity::Invalid,
        }
    }

    /// A name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::ValidBySuccessor => "valid_by_successor",
            Self::ValidBefore => "valid_before",
            Self::NotFound => "not_found",
            Self::InvalidFormat { .. } => "invalid_format",
            Self::SignatureFailed => "signature_failed",
            Self::Moved { .. } => "moved",
            Self::KeyNotFound { .. } => "key_not_found",
            Self::KeyUnreadable { .. } => "key_unreadable",
            Self::HashMismatch => "hash_mismatch",
            Self::TrailingData => "trailing_data",
            Self::KeyNotValidThen { .. } => "key_not_valid_then",
            Self::UnknownHashAlgorithm { .. } => "unknown_hash_algorithm",
            Self::PreviousHashMismatch => "previous_hash_mismatch",
            Self::PreviousSignatureMismatch => "previous_signature_mismatch",
            Self::HoursMissing { .. } => "hours_missing",
            Self::NotMentioned => "not_mentioned",
            Self::Gap { .. } => "gap",
            Self::NotContiguous { .. } => "not_contiguous",
            Self::Unlinked => "unlinked",
            Self::OtherSignatureAlgorithm { .. } => "other_signature_algorithm",
            Self::ChainEnds { .. } => "chain_ends",
            Self::AwaitsDigest => "awaits_digest",
            Self::NoSignature => "no_signature",
            Self::KeyUnavailable { .. } => "key_unavailable",
            Self::BucketNotAtHand { .. } => "bucket_not_at_hand",
            Self::Unreadable { .. } => "unreadable",
            Self::DigestUnchecked => "digest_unchecked",
            Self::NotCovered => "not_covered",
        }
    }

    /// What follows from it, for an auditor.
    pub fn consequence(&self) -> &'static str {
        match self {
            Self::Valid | Self::ValidBySuccessor | Self::ValidBefore => "It is as CloudTrail delivered it.",
            Self::NotFound => "It was delivered and has been deleted or moved; its events are lost from the record.",
            Self::InvalidFormat { .. } => "It has been altered or damaged and proves nothing; restore it from a copy.",
            Self::SignatureFailed | Self::PreviousSignatureMismatch => {
                "It or its metadata have been altered; the log files that only it mentions are not proved."
            }
            Self::Moved { .. } => "It has been put in another's place; the digest that belongs here is missing.",
            Self::KeyNotFound { .. } | Self::KeyUnreadable { .. } => {
                "CloudTrail did not sign it, or the keys at hand are not all; fetch the keys of its time and region."
            }
            Self::HashMismatch => "It has been altered; its events are no evidence.",
            Self::TrailingData => "Something has been added behind its content; readers may take it for events.",
            Self::KeyNotValidThen { .. } => "Whoever signed it had a key of another time; treat it as forged.",
            Self::UnknownHashAlgorithm { .. } => "Its content cannot be compared with the record.",
            Self::PreviousHashMismatch => "It has been replaced after the digest behind it was made.",
            Self::HoursMissing { .. } => "Digests have been deleted; the log files of that time are not proved.",
            Self::NotMentioned => {
                "It was added after the fact, or came from a trail without log file validation; it is no evidence."
            }
            Self::Gap { .. } => "Logging or validation was off; what happened in that time is not proved.",
            Self::NotContiguous { .. } => "CloudTrail itself made no digest for that time.",
            Self::Unlinked => "CloudTrail signed it; it counts, and is no part of the chain.",
            Self::OtherSignatureAlgorithm { .. } => "The label has been changed, and nothing else.",
            Self::ChainEnds { .. } => {
                "The trail was stopped, or the newest digests have been deleted: look at the trail."
            }
            Self::AwaitsDigest => "It can be checked once the digest of its hour is there.",
            Self::NoSignature => "Fetch its metadata (`aws s3api head-object`), or validate the bucket itself.",
            Self::KeyUnavailable { .. } => "Try again online, or give the keys with --public-keys.",
            Self::BucketNotAtHand { .. } => "What is there is not checked; validate that bucket too.",
            Self::Unreadable { .. } => "Nothing is known about it; try again.",
            Self::DigestUnchecked => "It is as its digest says, and nothing proves the digest.",
            Self::NotCovered => "It may be genuine; no digest proves it.",
        }
    }

    /// More than its text says, where there is more.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::InvalidFormat { detail } => Some(detail),
            Self::Moved { original } => Some(original),
            _ => None,
        }
    }
}
