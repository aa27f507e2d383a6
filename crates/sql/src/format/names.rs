//! Column names made unique, for formats in which two equal names would hide one column.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

/// Returns `schema` with `_2`, `_3`, … added to names that occurred before.
pub(super) fn with_unique_names(schema: &SchemaRef) -> SchemaRef {
    let mut taken = HashSet::new();
    let fields: Vec<Arc<Field>> = schema
        .fields()
        .iter()
        .map(|field| {
            let name = free_name(field.name(), &taken);
            taken.insert(name.clone());
            if name == *field.name() { Arc::clone(field) } else { Arc::new(field.as_ref().clone().with_name(name)) }
        })
        .collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn free_name(name: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    (2..).map(|n| format!("{name}_{n}")).find(|candidate| !taken.contains(candidate)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn numbers_repeated_names() {
        let field = |name: &str| Field::new(name, DataType::Utf8, true);
        let schema = Arc::new(Schema::new(vec![field("a"), field("a_2"), field("a"), field("a")]));
        let unique = with_unique_names(&schema);
        let names: Vec<_> = unique.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["a", "a_2", "a_3", "a_4"]);
    }
}
