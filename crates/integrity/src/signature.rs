//! The signature of a digest: RSASSA-PKCS1-v1_5 with SHA-256 over four lines.
//!
//! Source: CloudTrail User Guide, "Custom implementations of CloudTrail log file integrity validation".

use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use crate::digest::Digest;
use crate::gunzip::Sha256;
use crate::keys::PublicKey;

/// The text that CloudTrail signs.
fn string_to_sign(digest: &Digest, sha256: &Sha256) -> String {
    format!(
        "{}\n{}/{}\n{}\n{}",
        digest.digest_end_time,
        digest.digest_s3_bucket,
        digest.digest_s3_object,
        hex::encode(sha256),
        // As Java writes an absent one.
        digest.previous_digest_signature.as_deref().unwrap_or("null"),
    )
}

/// Whether `signature`, in hexadecimal, is that of `digest`, whose unpacked bytes hash to `sha256`.
pub(crate) fn is_signed(digest: &Digest, sha256: &Sha256, signature: &str, key: &PublicKey) -> bool {
    let Ok(signature) = hex::decode(signature) else { return false };
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.pkcs1());
    key.verify(string_to_sign(digest, sha256).as_bytes(), &signature).is_ok()
}
