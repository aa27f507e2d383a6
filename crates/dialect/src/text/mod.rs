//! Functions on text: searching, cutting, regular expressions, URLs, encodings, IP addresses.

mod encoding;
mod hashes;
mod ip;
mod like;
mod normal_form;
mod pattern;
mod printf;
mod regexp;
mod soundex;
mod split_maps;
mod strings;
mod url;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

pub(crate) use ip::{cidr_contains, ip_address, ip_field, ip_order, is_ip, try_ip_address};
pub(crate) use like::escaped_pattern;

/// The functions on text.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    [
        like::functions(),
        strings::functions(),
        split_maps::functions().into_iter().map(crate::function::Function::udf).collect(),
        printf::functions(),
        regexp::functions(),
        url::functions(),
        encoding::functions(),
        hashes::functions(),
        ip::functions(),
    ]
    .concat()
}
