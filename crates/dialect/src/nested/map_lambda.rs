//! `map_filter`, `transform_keys` and `transform_values`: a lambda over the entries of a map.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{filter, take_arrays};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::utils::list_values_row_number;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDF,
    HigherOrderUDFImpl, LambdaParametersProgress, ValueOrLambda, Volatility,
};

pub(super) fn functions() -> Vec<Arc<HigherOrderUDF>> {
    [("map_filter", What::Filter), ("transform_keys", What::Keys), ("transform_values", What::Values)]
        .map(|(name, what)| {
            let signature = HigherOrderSignature::any(2, Volatility::Immutable);
            Arc::new(HigherOrderUDF::new_from_impl(MapLambda { name, what, signature }))
        })
        .into()
}

/// What the lambda's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    /// Whether the entry stays.
    Filter,
    /// The entry's new key.
    Keys,
    /// The entry's new value.
    Values,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MapLambda {
    name: &'static str,
    what: What,
    signature: HigherOrderSignature,
}

impl MapLambda {
    fn entries<'a>(&self, map: &'a Field) -> Result<&'a Fields> {
        if let DataType::Map(entries, _) = map.data_type()
            && let DataType::Struct(fields) = entries.data_type()
        {
            return Ok(fields);
        }
        plan_err!("{} takes a map and a lambda of a key and a value, not {}", self.name, map.data_type())
    }

    fn result_fields(&self, fields: &Fields, lambda: &Field) -> Fields {
        let (key, value) = (fields[0].as_ref().clone(), fields[1].as_ref().clone());
        let (key, value) = match self.what {
            What::Filter => (key, value),
            What::Keys => (key.with_data_type(lambda.data_type().clone()), value),
            What::Values => (key, value.with_data_type(lambda.data_type().clone()).with_nullable(true)),
        };
        vec![key, value].into()
    }
}

impl HigherOrderUDFImpl for MapLambda {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let [ValueOrLambda::Value(map), _] = fields else {
            return plan_err!("{} takes a map and a lambda of a key and a value", self.name);
        };
        let fields = self.entries(map)?;
        Ok(LambdaParametersProgress::Complete(vec![fields.iter().cloned().collect()]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let [ValueOrLambda::Value(map), ValueOrLambda::Lambda(lambda)] = args.arg_fields else {
            return plan_err!("{} takes a map and a lambda of a key and a value", self.name);
        };
        let fields = self.result_fields(self.entries(map)?, lambda);
        let entries = Field::new("entries", DataType::Struct(fields), false);
        Ok(Arc::new(Field::new(self.name, DataType::Map(Arc::new(entries), false), true)))
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let [ValueOrLambda::Value(maps), ValueOrLambda::Lambda(lambda)] = args.args.as_slice() else {
            return plan_err!("{} takes a map and a lambda of a key and a value", self.name);
        };
        let maps = maps.to_array(args.number_rows)?;
        let map = maps.as_map();
        let (keys, values) = (map.keys(), map.values());
        let (given_keys, given_values) = (|| Ok(Arc::clone(keys)), || Ok(Arc::clone(values)));
        let evaluated = lambda.evaluate(&[&given_keys, &given_values], |captured| {
            Ok(take_arrays(captured, &list_values_row_number(&maps)?, None)?)
        })?;
        let evaluated = evaluated.into_array(keys.len())?;
        let DataType::Map(entries, _) = args.return_field.data_type() else {
            return plan_err!("{} gives a map", self.name);
        };
        let answer = match self.what {
            What::Filter => filtered(map, &evaluated, entries)?,
            What::Keys => with_entries(map, entries, evaluated, Arc::clone(values), map.offsets().clone())?,
            What::Values => with_entries(map, entries, Arc::clone(keys), evaluated, map.offsets().clone())?,
        };
        Ok(ColumnarValue::Array(answer))
    }
}

fn filtered(map: &MapArray, verdicts: &ArrayRef, entries: &FieldRef) -> Result<ArrayRef> {
    let verdicts = verdicts.as_boolean();
    let offsets = map.value_offsets();
    let kept = |at: &usize| verdicts.is_valid(*at) && verdicts.value(*at);
    let lengths = offsets.windows(2).map(|ends| (ends[0] as usize..ends[1] as usize).filter(kept).count());
    let lengths = OffsetBuffer::from_lengths(lengths);
    // Entries outside the offsets are none of any map's.
    let within = |at: usize| offsets.first().is_some_and(|first| at >= *first as usize) && kept(&at);
    let mask: arrow::array::BooleanArray = (0..verdicts.len())
        .map(|at| Some(within(at) && offsets.last().is_some_and(|last| at < *last as usize)))
        .collect();
    with_entries(map, entries, filter(map.keys(), &mask)?, filter(map.values(), &mask)?, lengths)
}

fn with_entries(
    map: &MapArray,
    field: &FieldRef,
    keys: ArrayRef,
    values: ArrayRef,
    offsets: OffsetBuffer<i32>,
) -> Result<ArrayRef> {
    let DataType::Struct(fields) = field.data_type() else { return plan_err!("a map has entries") };
    let length = keys.len();
    let entries = StructArray::try_new_with_length(fields.clone(), vec![keys, values], None, length)?;
    Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, map.nulls().cloned(), false)?))
}
