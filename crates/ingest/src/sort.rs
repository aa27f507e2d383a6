//! The order of rows by several columns, for many rows with few distinct values.
//!
//! Comparing callers and calls as text, millions of times, is most of the work of a general sort. Here every text column
//! is reduced to ranks first, so that rows compare as numbers.

use std::collections::HashMap;

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::{SortColumn, lexsort_to_indices};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::error::ArrowError;

/// Text columns of which the ranks fit into one number.
const MAX_TEXTS: usize = 4;

/// Indices of the rows of `columns` (text, and a time at the end) in ascending order, NULLs first, equal rows as they
/// came.
///
/// The same as `lexsort_to_indices`, which takes over where the columns are of other types.
pub(crate) fn sorted_indices(columns: &[ArrayRef]) -> Result<Vec<u32>, ArrowError> {
    let Some((times, texts)) = columns.split_last().filter(|(times, texts)| is_time(times) && are_texts(texts)) else {
        let columns: Vec<_> =
            columns.iter().map(|values| SortColumn { values: values.clone(), options: None }).collect();
        return Ok(lexsort_to_indices(&columns, None)?.values().to_vec());
    };
    let mut keys = vec![0_u128; times.len()];
    for text in texts {
        for (key, rank) in keys.iter_mut().zip(ranks(text.as_string())) {
            *key = *key << 32 | u128::from(rank);
        }
    }
    let times = times.as_primitive::<TimestampMicrosecondType>();
    // None sorts before every time.
    let mut rows: Vec<_> =
        keys.into_iter().zip(times).zip(0_u32..).map(|((key, time), row)| (key, time, row)).collect();
    rows.sort_unstable();
    Ok(rows.into_iter().map(|(_, _, row)| row).collect())
}

fn is_time(column: &ArrayRef) -> bool {
    matches!(column.data_type(), DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _))
}

fn are_texts(columns: &[ArrayRef]) -> bool {
    columns.len() <= MAX_TEXTS && columns.iter().all(|column| *column.data_type() == DataType::Utf8)
}

/// The place of every value among the distinct values of the column, from 1; 0 for NULL.
fn ranks(column: &StringArray) -> Vec<u32> {
    let mut numbers: HashMap<&str, u32, RandomState> = HashMap::default();
    let mut last = ("", 0);
    let mut numbered = Vec::with_capacity(column.len());
    for value in column {
        numbered.push(match value {
            None => 0,
            // Neighbours in a log file are often of one caller.
            Some(value) if value == last.0 && last.1 > 0 => last.1,
            Some(value) => {
                let next = numbers.len() as u32 + 1;
                last = (value, *numbers.entry(value).or_insert(next));
                last.1
            }
        });
    }
    let mut distinct: Vec<(&str, u32)> = numbers.into_iter().collect();
    distinct.sort_unstable();
    let mut rank_of = vec![0; distinct.len() + 1];
    for (rank, (_, number)) in (1..).zip(distinct) {
        rank_of[number as usize] = rank;
    }
    numbered.into_iter().map(|number| rank_of[number as usize]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, TimestampMicrosecondArray};
    use proptest::prelude::*;

    use super::*;

    fn by_arrow(columns: &[ArrayRef]) -> Vec<u32> {
        let columns: Vec<_> =
            columns.iter().map(|values| SortColumn { values: values.clone(), options: None }).collect();
        lexsort_to_indices(&columns, None).expect("sortable").values().to_vec()
    }

    /// A column that tells equal rows apart, in the order in which they came.
    fn numbers(rows: usize) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(0..rows as i64))
    }

    proptest! {
        #[test]
        fn is_the_order_of_arrow(
            rows in prop::collection::vec(
                (prop::option::of("[a-c]{0,2}"), prop::option::of("[a-b\u{e9}]{0,3}"), prop::option::of(-3_i64..3)),
                0..60,
            )
        ) {
            let first: StringArray = rows.iter().map(|row| row.0.clone()).collect();
            let second: StringArray = rows.iter().map(|row| row.1.clone()).collect();
            let times: TimestampMicrosecondArray = rows.iter().map(|row| row.2).collect();
            let mut columns: Vec<ArrayRef> = vec![Arc::new(first), Arc::new(second), Arc::new(times.with_timezone("UTC"))];
            let sorted = sorted_indices(&columns).expect("sortable");
            columns.push(numbers(rows.len()));
            prop_assert_eq!(sorted, by_arrow(&columns));
        }
    }

    #[test]
    fn other_types_are_left_to_arrow() {
        let columns = [numbers(3)];
        assert_eq!(sorted_indices(&columns).expect("sortable"), [0, 1, 2]);
    }
}
