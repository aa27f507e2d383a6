//! What the dialect knows of the columns of trailql's own relations before a query is planned.

use std::collections::HashSet;

use arrow::datatypes::DataType;
use trailql_dialect::RowMembers;

/// Adds the names of the members of a column, at any depth.
pub(super) fn note_members(data_type: &DataType, names: &mut HashSet<String>) {
    let fields = match data_type {
        DataType::Struct(fields) => fields,
        DataType::List(item) | DataType::LargeList(item) => return note_members(item.data_type(), names),
        _ => return,
    };
    for field in fields {
        names.insert(field.name().to_lowercase());
        note_members(field.data_type(), names);
    }
}

/// Adds the rows that a column is or holds, by their names with dots; an array has the members of its elements.
pub(super) fn note_rows(path: &str, data_type: &DataType, rows: &mut RowMembers) {
    let fields = match data_type {
        DataType::Struct(fields) => fields,
        DataType::List(item) | DataType::LargeList(item) => return note_rows(path, item.data_type(), rows),
        _ => return,
    };
    rows.insert(path.to_owned(), fields.iter().map(|field| field.name().clone()).collect());
    for field in fields {
        note_rows(&format!("{path}.{}", field.name().to_lowercase()), field.data_type(), rows);
    }
}
