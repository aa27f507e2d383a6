//! `approx_percentile(x, p)` and `approx_percentile(x, weight, p)`, which give a whole number for whole numbers.
//!
//! DataFusion's sketches do the work; they know fractions only. See
//! <https://trino.io/docs/current/functions/aggregate.html#approx_percentile>.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::functions_aggregate::approx_percentile_cont::approx_percentile_cont_udaf;
use datafusion::functions_aggregate::approx_percentile_cont_with_weight::approx_percentile_cont_with_weight_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

pub(super) fn function() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(Percentile { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Percentile {
    signature: Signature,
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        "approx_percentile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [value, rest @ ..] = given else { return plan_err!("approx_percentile takes values and a percentile") };
        if !matches!(rest.len(), 1 | 2) {
            return plan_err!("approx_percentile takes values, weights if there are any, and a percentile");
        }
        if let Some(other) = given.iter().find(|given| !given.is_numeric() && !given.is_null()) {
            return plan_err!("approx_percentile takes numbers, not {other}; of a time, take to_unixtime(time)");
        }
        let value = if value.is_integer() { DataType::Int64 } else { DataType::Float64 };
        Ok(std::iter::once(value).chain(rest.iter().map(|_| DataType::Float64)).collect())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types[0].clone())
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        approx_percentile_cont_udaf().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let value = Arc::new(Field::new("value", DataType::Float64, true));
        let fields: Vec<FieldRef> = std::iter::once(value).chain(args.expr_fields.iter().skip(1).cloned()).collect();
        let sketch = match args.exprs.len() {
            2 => approx_percentile_cont_udaf(),
            _ => approx_percentile_cont_with_weight_udaf(),
        };
        let is_whole = args.return_type().is_integer();
        let inner = sketch.accumulator(AccumulatorArgs { expr_fields: &fields, ..args })?;
        Ok(if is_whole { Box::new(Whole { inner }) } else { inner })
    }
}

/// Takes whole numbers, and rounds what comes of them.
#[derive(Debug)]
struct Whole {
    inner: Box<dyn Accumulator>,
}

impl Accumulator for Whole {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut values = values.to_vec();
        values[0] = cast(&values[0], &DataType::Float64)?;
        self.inner.update_batch(&values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(match self.inner.evaluate()? {
            ScalarValue::Float64(Some(value)) => Some(value.round() as i64),
            _ => None,
        }))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}
