//! `array_sort(array, (x, y) -> …)`: sorting by a comparison that gives -1, 0 or 1.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDF,
    HigherOrderUDFImpl, LambdaArgument, LambdaParametersProgress, ValueOrLambda, Volatility,
};

/// The function's name; `syntax::calls` gives it to calls with a lambda.
pub(crate) const SORT_BY: &str = "array_sort_by";

/// Longest array: all pairs of its elements are compared.
const MAX_ELEMENTS: usize = 2_000;

pub(super) fn function() -> Arc<HigherOrderUDF> {
    let signature = HigherOrderSignature::any(2, Volatility::Immutable);
    Arc::new(HigherOrderUDF::new_from_impl(SortBy { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SortBy {
    signature: HigherOrderSignature,
}

fn wrong_arguments<T>() -> Result<T> {
    plan_err!("array_sort takes an array and a lambda of two elements")
}

impl HigherOrderUDFImpl for SortBy {
    fn name(&self) -> &str {
        SORT_BY
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let [ValueOrLambda::Value(list), _] = fields else { return wrong_arguments() };
        let DataType::List(element) = list.data_type() else { return wrong_arguments() };
        Ok(LambdaParametersProgress::Complete(vec![vec![Arc::clone(element), Arc::clone(element)]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields {
            [ValueOrLambda::Value(list), ValueOrLambda::Lambda(_)] => Ok(Arc::clone(list)),
            _ => wrong_arguments(),
        }
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let [ValueOrLambda::Value(lists), ValueOrLambda::Lambda(comparison)] = args.args.as_slice() else {
            return wrong_arguments();
        };
        let array = lists.to_array(args.number_rows)?;
        let lists = array.as_list::<i32>();
        let DataType::List(item) = array.data_type() else { return wrong_arguments() };
        let mut places = Vec::with_capacity(lists.values().len());
        let mut lengths = Vec::with_capacity(lists.len());
        for row in 0..lists.len() {
            let elements = if lists.is_valid(row) { sorted(lists, row, comparison)? } else { Vec::new() };
            lengths.push(elements.len());
            places.extend(elements);
        }
        let values = take(lists.values(), &UInt32Array::from(places), None)?;
        let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
        Ok(ColumnarValue::Array(Arc::new(ListArray::try_new(
            Arc::clone(item),
            offsets,
            values,
            lists.nulls().cloned(),
        )?)))
    }
}

/// The places of one array's elements in their order.
fn sorted(lists: &ListArray, row: usize, comparison: &LambdaArgument) -> Result<Vec<u32>> {
    let first = lists.value_offsets()[row] as u32;
    let length = lists.value_length(row) as usize;
    if length > MAX_ELEMENTS {
        return exec_err!("array_sort with a lambda takes arrays of up to {MAX_ELEMENTS} elements, not {length}");
    }
    let pairs = || (0..length).flat_map(|left| (0..length).map(move |right| (left, right)));
    let side = |place: fn((usize, usize)) -> usize| {
        let places = UInt32Array::from_iter_values(pairs().map(|pair| first + place(pair) as u32));
        take(lists.values(), &places, None).map_err(Into::into)
    };
    let (left, right): (Result<ArrayRef>, Result<ArrayRef>) = (side(|pair| pair.0), side(|pair| pair.1));
    let (left, right) = (left?, right?);
    let (given_left, given_right) = (|| Ok(Arc::clone(&left)), || Ok(Arc::clone(&right)));
    let rows = UInt32Array::from(vec![row as u32; length * length]);
    let verdicts = comparison.evaluate(&[&given_left, &given_right], |captured| {
        captured.iter().map(|column| Ok(take(column, &rows, None)?)).collect()
    })?;
    let verdicts = cast(&verdicts.into_array(rows.len())?, &DataType::Int64)?;
    let verdicts = verdicts.as_primitive::<Int64Type>();
    if verdicts.null_count() > 0 {
        return Err(exec_datafusion_err!("array_sort: the lambda gave NULL; it has to give -1, 0 or 1"));
    }
    let mut order: Vec<usize> = (0..length).collect();
    // A merge sort, which a comparison that contradicts itself cannot make panic.
    merge_sort(&mut order, &|a, b| verdicts.value(a * length + b).cmp(&0));
    Ok(order.into_iter().map(|place| first + place as u32).collect())
}

fn merge_sort(places: &mut Vec<usize>, compare: &impl Fn(usize, usize) -> Ordering) {
    if places.len() < 2 {
        return;
    }
    let mut right = places.split_off(places.len() / 2);
    merge_sort(places, compare);
    merge_sort(&mut right, compare);
    let left = std::mem::take(places);
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(*a, *b) == Ordering::Greater { right.next() } else { left.next() };
        places.extend(next);
    }
    places.extend(left.chain(right));
}
