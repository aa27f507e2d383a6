//! Functions on arrays and maps, and on JSON text where CloudTrail Lake has a map.

mod arrays;
mod map_lambda;
mod maps;
mod reduce;
mod row_cast;
mod sequence;
mod sort_by;
mod subarrays;
mod try_call;

use std::sync::Arc;

use datafusion::logical_expr::{HigherOrderUDF, ScalarUDF};

pub(crate) use arrays::{element_at, subscript};
pub(crate) use row_cast::{renames_rows, row_cast};
pub(crate) use sort_by::SORT_BY;
pub(crate) use try_call::TRY;

/// The functions on arrays and maps.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    [arrays::functions(), maps::functions(), sequence::functions(), subarrays::functions()].concat()
}

/// The functions that take a lambda, besides DataFusion's own.
pub(crate) fn higher_order_functions() -> Vec<Arc<HigherOrderUDF>> {
    let mut functions = vec![try_call::function(), reduce::function(), sort_by::function()];
    functions.extend(map_lambda::functions());
    functions
}
