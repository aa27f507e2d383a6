//! Every function of the dialect.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::ScalarUDF;

/// Trino's functions, to be registered over DataFusion's of the same names.
pub(crate) fn all() -> impl Iterator<Item = Arc<ScalarUDF>> {
    static ALL: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
        let mut functions = crate::json::functions();
        functions.extend(crate::datetime::functions());
        functions.extend(crate::text::functions());
        functions.extend(crate::nested::functions());
        functions.extend(crate::numbers::functions());
        functions.extend(crate::decimals::functions());
        functions.push(crate::type_name::function());
        functions
    });
    ALL.iter().cloned()
}

/// Returns the function of a name.
pub(crate) fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    static BY_NAME: LazyLock<HashMap<String, Arc<ScalarUDF>>> =
        LazyLock::new(|| all().map(|function| (function.name().to_owned(), function)).collect());
    BY_NAME.get(name).cloned()
}
