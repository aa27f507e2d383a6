//! Arrays of parts of an array, and arrays cut short.
//!
//! See "Array functions and operators" in Trino's documentation (<https://trino.io/docs/current/functions/array.html>).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{ReturnFieldArgs, ScalarUDF};

use crate::function::{Call, Function, Kind, Returns};

/// Trino's limits of `combinations`.
const MAX_COMBINATION_LENGTH: usize = 5;
const MAX_COMBINED_ELEMENTS: usize = 100_000;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const ANY: Kind = Kind::Any;
    [
        Function::new("ngrams", &[ANY, Kind::Int], Returns::From(list_of_lists), |call| parts(call, ngrams)),
        Function::new("combinations", &[ANY, Kind::Int], Returns::From(list_of_lists), |call| {
            parts(call, combinations)
        }),
        Function::new("trim_array", &[ANY, Kind::Int], Returns::From(same_list), trim_array),
        Function::new("contains_sequence", &[ANY, ANY], Returns::Type(DataType::Boolean), contains_sequence),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

fn same_list(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    match args.arg_fields[0].data_type() {
        DataType::List(_) => Ok(Arc::new(args.arg_fields[0].as_ref().clone().with_nullable(true))),
        other => plan_err!("an array is needed here, not {other}"),
    }
}

fn list_of_lists(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let list = same_list(args)?;
    Ok(Arc::new(Field::new("parts", DataType::new_list(list.data_type().clone(), true), true)))
}

/// The parts of an array of some length, as the places of their elements; a negative size is an error.
type PartsFn = fn(usize, i64) -> Result<Vec<Vec<usize>>>;

fn parts(call: &Call, parts_of: PartsFn) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let lists = array.as_list::<i32>();
    let sizes = call.ints(1)?;
    let DataType::List(outer) = call.return_field.data_type() else { return exec_err!("{} gives an array", call.name) };
    let DataType::List(item) = array.data_type() else { return exec_err!("{} takes an array", call.name) };
    let (mut places, mut lengths, mut counts) = (Vec::new(), Vec::new(), Vec::with_capacity(call.rows));
    let mut valid = Vec::with_capacity(call.rows);
    for (row, size) in sizes.into_iter().enumerate() {
        let size = size.filter(|_| lists.is_valid(row));
        let parts = match size {
            Some(size) => parts_of(lists.value_length(row) as usize, size)?,
            None => Vec::new(),
        };
        let first = lists.value_offsets()[row] as usize;
        counts.push(parts.len());
        valid.push(size.is_some());
        for part in parts {
            lengths.push(part.len());
            places.extend(part.into_iter().map(|place| (first + place) as u32));
        }
    }
    let values = take(lists.values(), &UInt32Array::from(places), None)?;
    let inner = ListArray::try_new(Arc::clone(item), OffsetBuffer::from_lengths(lengths), values, None)?;
    let counts = OffsetBuffer::from_lengths(counts);
    Ok(Arc::new(ListArray::try_new(Arc::clone(outer), counts, Arc::new(inner), Some(valid.into()))?))
}

/// All runs of `size` neighbours; the array itself where it is no longer than that.
fn ngrams(length: usize, size: i64) -> Result<Vec<Vec<usize>>> {
    if size < 1 {
        return exec_err!("ngrams: n has to be positive, and is {size}");
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(length);
    Ok((0..=length - size).map(|start| (start..start + size).collect()).collect())
}

/// All choices of `size` elements, each in the array's order.
fn combinations(length: usize, size: i64) -> Result<Vec<Vec<usize>>> {
    let Some(size) = usize::try_from(size).ok().filter(|size| *size <= MAX_COMBINATION_LENGTH) else {
        return exec_err!("combinations: n is 0 to {MAX_COMBINATION_LENGTH}, not {size}");
    };
    if size > length {
        return Ok(Vec::new());
    }
    let count = (0..size).try_fold(1_usize, |count, chosen| Some(count.checked_mul(length - chosen)? / (chosen + 1)));
    if count.and_then(|count| count.checked_mul(size.max(1))).is_none_or(|elements| elements > MAX_COMBINED_ELEMENTS) {
        return exec_err!("combinations of {size} out of {length} have more than {MAX_COMBINED_ELEMENTS} elements");
    }
    let mut all = Vec::new();
    let mut chosen: Vec<usize> = (0..size).collect();
    loop {
        all.push(chosen.clone());
        // The first place that can move up without meeting the next one; those below it start again.
        let limit = |at: usize| chosen.get(at + 1).copied().unwrap_or(length);
        let Some(at) = (0..size).find(|at| chosen[*at] + 1 < limit(*at)) else { return Ok(all) };
        chosen[at] += 1;
        (0..at).for_each(|below| chosen[below] = below);
    }
}

/// Removes elements from the end.
fn trim_array(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let lists = array.as_list::<i32>();
    let DataType::List(item) = array.data_type() else { return exec_err!("trim_array takes an array") };
    let (mut places, mut lengths) = (Vec::new(), Vec::with_capacity(call.rows));
    let mut valid = Vec::with_capacity(call.rows);
    for (row, cut) in call.ints(1)?.into_iter().enumerate() {
        let Some(cut) = cut.filter(|_| lists.is_valid(row)) else {
            lengths.push(0);
            valid.push(false);
            continue;
        };
        let length = lists.value_length(row) as usize;
        let kept = usize::try_from(cut).ok().and_then(|cut| length.checked_sub(cut));
        let kept = kept.ok_or_else(|| {
            exec_datafusion_err!("trim_array: {length} elements are there, and 0 to {length} can be removed, not {cut}")
        })?;
        let first = lists.value_offsets()[row] as u32;
        places.extend(first..first + kept as u32);
        lengths.push(kept);
        valid.push(true);
    }
    let values = take(lists.values(), &UInt32Array::from(places), None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, Some(valid.into()))?))
}

/// Whether an array has another one's elements next to each other and in that order.
fn contains_sequence(call: &Call) -> Result<ArrayRef> {
    let (whole, sequence) = (call.array(0)?, call.array(1)?);
    // An empty array literal has elements of no type.
    let item = [&whole, &sequence].into_iter().find_map(|array| match array.data_type() {
        DataType::List(item) if !item.data_type().is_null() => Some(Arc::clone(item)),
        _ => None,
    });
    let Some(item) = item else { return exec_err!("contains_sequence takes two arrays") };
    let list = DataType::List(Arc::clone(&item));
    let (whole, sequence) = (cast(&whole, &list)?, cast(&sequence, &list)?);
    let whole = whole.as_list::<i32>();
    let sequence = sequence.as_list::<i32>();
    let converter = RowConverter::new(vec![SortField::new(item.data_type().clone())])?;
    let held = converter.convert_columns(&[Arc::clone(whole.values())])?;
    let wanted = converter.convert_columns(&[Arc::clone(sequence.values())])?;
    let range =
        |lists: &ListArray, row: usize| lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize;
    let found = |row: usize| {
        if whole.is_null(row) || sequence.is_null(row) {
            return None;
        }
        let held: Vec<_> = range(whole, row).map(|at| held.row(at)).collect();
        let wanted: Vec<_> = range(sequence, row).map(|at| wanted.row(at)).collect();
        Some(wanted.is_empty() || held.windows(wanted.len()).any(|window| window == wanted.as_slice()))
    };
    Ok(Arc::new((0..call.rows).map(found).collect::<BooleanArray>()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn combinations_are_as_many_as_they_should_be() {
        for (length, size, count) in [(0, 0, 1), (0, 1, 0), (4, 0, 1), (4, 2, 6), (6, 3, 20), (9, 5, 126), (5, 5, 1)] {
            let mut all = combinations(length, size).unwrap();
            assert_eq!(all.len(), count, "{size} of {length}");
            assert!(all.iter().all(|one| one.is_sorted_by(|a, b| a < b) && one.iter().all(|place| *place < length)));
            all.sort();
            all.dedup();
            assert_eq!(all.len(), count);
        }
        assert!(combinations(1_000_000, 5).is_err());
    }
}
