//! Aggregates of Trino's that cannot be put together of DataFusion's; `syntax::aggregates` has those that can.

mod moments;
mod percentile;

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::AggregateUDF;

/// The aggregates to be registered.
pub(crate) fn all() -> &'static [Arc<AggregateUDF>] {
    static ALL: LazyLock<Vec<Arc<AggregateUDF>>> = LazyLock::new(|| {
        let mut functions = moments::functions();
        functions.push(percentile::function());
        functions
    });
    &ALL
}
