//! The order of rows in a data file.

use arrow::array::{ArrayRef, AsArray, RecordBatch};

/// Columns that the rows of a data file are sorted by, ascending, NULL first, text by its bytes.
///
/// Rows of one caller stand together: a search for a key or a principal then finds its rows in few pages, and neighbours
/// resemble each other, which is what compression lives on. The last one is the time, the others are text.
pub const SORT_COLUMNS: [&[&str]; 5] =
    [&["recipientaccountid"], &["useridentity", "arn"], &["eventsource"], &["eventname"], &["eventtime"]];

/// Returns the column at a path of struct members.
pub fn column_at(rows: &RecordBatch, path: &[&str]) -> Option<ArrayRef> {
    let (first, members) = path.split_first()?;
    members.iter().try_fold(rows.column_by_name(first)?.clone(), |column, member| {
        column.as_struct_opt()?.column_by_name(member).cloned()
    })
}
