//! Digests and checksums of bytes, and whole numbers as bytes.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ReturnFieldArgs, ScalarUDF};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use twox_hash::XxHash64;

use super::encoding::hex;
use crate::function::{Call, Function, Kind, Returns, Texts};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const ANY: &[Kind] = &[Kind::Any];
    const BYTES: &[Kind] = &[Kind::Bytes];
    const BYTES_AND_KEY: &[Kind] = &[Kind::Bytes, Kind::Bytes];
    const INT: &[Kind] = &[Kind::Int];
    let digest = || Returns::From(type_of_digest);
    let bytes = || Returns::Type(DataType::Binary);
    let int = || Returns::Type(DataType::Int64);
    [
        Function::new("md5", ANY, digest(), digest_of::<Md5>),
        Function::new("sha1", ANY, digest(), digest_of::<Sha1>),
        Function::new("sha256", ANY, digest(), digest_of::<Sha256>),
        Function::new("sha512", ANY, digest(), digest_of::<Sha512>),
        Function::new("hmac_md5", BYTES_AND_KEY, bytes(), mac_of::<Hmac<Md5>>),
        Function::new("hmac_sha1", BYTES_AND_KEY, bytes(), mac_of::<Hmac<Sha1>>),
        Function::new("hmac_sha256", BYTES_AND_KEY, bytes(), mac_of::<Hmac<Sha256>>),
        Function::new("hmac_sha512", BYTES_AND_KEY, bytes(), mac_of::<Hmac<Sha512>>),
        Function::new("xxhash64", BYTES, bytes(), |call| {
            bytes_of(call, |bytes| XxHash64::oneshot(0, bytes).to_be_bytes().to_vec())
        }),
        Function::new("crc32", BYTES, int(), |call| ints_of(call, |bytes| Ok(crc32fast::hash(bytes).into()))),
        Function::new("to_big_endian_64", INT, bytes(), |call| {
            big_endian(call, |number| Ok(number.to_be_bytes().into()))
        }),
        Function::new("to_big_endian_32", INT, bytes(), |call| {
            big_endian(call, |number| match i32::try_from(number) {
                Ok(number) => Ok(number.to_be_bytes().into()),
                Err(_) => exec_err!("to_big_endian_32: {number} has more than 32 bits; write to_big_endian_64"),
            })
        }),
        Function::new("from_big_endian_64", BYTES, int(), |call| {
            ints_of(call, |bytes| fixed(bytes).map(i64::from_be_bytes))
        }),
        Function::new("from_big_endian_32", BYTES, int(), |call| {
            ints_of(call, |bytes| fixed(bytes).map(i32::from_be_bytes).map(i64::from))
        }),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

/// Bytes have bytes as their digest, as in Trino; text has hexadecimal text, as in DuckDB.
fn type_of_digest(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let is_text = args.arg_fields[0].data_type().is_string();
    Ok(Arc::new(Field::new("digest", if is_text { DataType::Utf8 } else { DataType::Binary }, true)))
}

fn digest_of<D: Digest>(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    if let Some(texts) = Texts::try_new(&array) {
        return call.build_texts(|row| Ok(texts.get(row).map(|text| hex(&D::digest(text)).to_lowercase())));
    }
    let bytes = cast(&array, &DataType::Binary)?;
    let digests = bytes.as_binary::<i32>().iter().map(|bytes| bytes.map(|bytes| D::digest(bytes).to_vec()));
    Ok(Arc::new(digests.collect::<BinaryArray>()))
}

fn mac_of<M: Mac + KeyInit>(call: &Call) -> Result<ArrayRef> {
    let (data, keys) = (call.array(0)?, call.array(1)?);
    let pairs = data.as_binary::<i32>().iter().zip(keys.as_binary::<i32>());
    let mac = |(data, key): (Option<&[u8]>, Option<&[u8]>)| {
        let (Some(data), Some(key)) = (data, key) else { return Ok(None) };
        let mac =
            <M as KeyInit>::new_from_slice(key).map_err(|error| exec_datafusion_err!("{}: {error}", call.name))?;
        Ok(Some(mac.chain_update(data).finalize().into_bytes().to_vec()))
    };
    Ok(Arc::new(pairs.map(mac).collect::<Result<Vec<_>>>()?.into_iter().collect::<BinaryArray>()))
}

fn bytes_of(call: &Call, change: impl Fn(&[u8]) -> Vec<u8>) -> Result<ArrayRef> {
    let array = call.array(0)?;
    Ok(Arc::new(array.as_binary::<i32>().iter().map(|bytes| bytes.map(&change)).collect::<BinaryArray>()))
}

fn ints_of(call: &Call, read: impl Fn(&[u8]) -> Result<i64>) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let numbers = array.as_binary::<i32>().iter().map(|bytes| bytes.map(&read).transpose());
    Ok(Arc::new(numbers.collect::<Result<Int64Array>>()?))
}

fn big_endian(call: &Call, spell: impl Fn(i64) -> Result<Vec<u8>>) -> Result<ArrayRef> {
    let bytes: Vec<_> =
        call.ints(0)?.into_iter().map(|number| number.map(&spell).transpose()).collect::<Result<_>>()?;
    Ok(Arc::new(bytes.into_iter().collect::<BinaryArray>()))
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| exec_datafusion_err!("{N} bytes are needed here, not {}", bytes.len()))
}
