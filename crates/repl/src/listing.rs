//! The results of `\d`, `\dt`, `\df` and `\?` as record batches, so that every output format fits them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use trailql_sql::{FunctionInfo, TableInfo, type_name};

use crate::command::COMMANDS;

/// Lists tables and views.
pub(crate) fn tables(tables: &[TableInfo]) -> Result<RecordBatch, ArrowError> {
    let rows = tables
        .iter()
        .map(|table| [table.name.clone(), table.kind.name().to_owned(), table.summary.unwrap_or_default().to_owned()]);
    batch(["name", "kind", "holds"], rows)
}

/// Lists the columns of one table; members of structs follow their column.
pub(crate) fn columns(table: &TableInfo) -> Result<RecordBatch, ArrowError> {
    let mut rows = Vec::new();
    for column in &table.columns {
        push_column(&mut rows, &column.name, &column.data_type, column.kind.name());
    }
    batch(["column", "type", "kind"], rows.into_iter())
}

/// Lists functions whose name matches `pattern`.
pub(crate) fn functions(functions: &[FunctionInfo], pattern: Option<&str>) -> Result<RecordBatch, ArrowError> {
    let rows = functions.iter().filter(|function| pattern.is_none_or(|pattern| matches(pattern, &function.name)));
    let rows = rows.map(|function| {
        let syntax = function.syntax.clone().unwrap_or_else(|| format!("{}(…)", function.name));
        [syntax, function.kind.name().to_owned(), function.summary.clone().unwrap_or_default()]
    });
    batch(["function", "kind", "does"], rows)
}

/// Lists the commands.
pub(crate) fn commands() -> Result<RecordBatch, ArrowError> {
    let rows = COMMANDS
        .iter()
        .map(|(name, argument, summary)| [format!("{name} {argument}").trim_end().to_owned(), (*summary).to_owned()]);
    batch(["command", "does"], rows)
}

fn push_column(rows: &mut Vec<[String; 3]>, path: &str, data_type: &DataType, kind: &str) {
    let DataType::Struct(fields) = data_type else {
        rows.push([path.to_owned(), type_name(data_type), kind.to_owned()]);
        return;
    };
    rows.push([path.to_owned(), "struct".to_owned(), kind.to_owned()]);
    for field in fields {
        push_column(rows, &format!("{path}.{}", field.name()), field.data_type(), kind);
    }
}

/// Matches a name against a pattern in which `*` stands for any text; without one, against any part of the name.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let Some((head, tail)) = pattern.split_once('*') else { return name.contains(&pattern) };
    let Some(mut rest) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn batch<const N: usize>(names: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<RecordBatch, ArrowError> {
    let mut columns: [Vec<String>; N] = std::array::from_fn(|_| Vec::new());
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.push(cell);
        }
    }
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
    let arrays = columns.into_iter().map(|column| Arc::new(StringArray::from(column)) as ArrayRef).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_patterns() {
        assert!(matches("date", "to_date"));
        assert!(matches("date*", "date_trunc"));
        assert!(!matches("date*", "to_date"));
        assert!(matches("*_of*", "last_of_x"));
        assert!(matches("a*b*c", "a-b-c"));
        assert!(!matches("a*b*c", "a-c-b"));
    }
}
