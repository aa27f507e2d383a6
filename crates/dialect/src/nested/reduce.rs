//! `reduce(array, start, (state, element) -> …, state -> …)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_null_array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDF,
    HigherOrderUDFImpl, LambdaArgument, LambdaParametersProgress, ValueOrLambda, Volatility,
};

pub(super) fn function() -> Arc<HigherOrderUDF> {
    let signature = HigherOrderSignature::any(4, Volatility::Immutable);
    Arc::new(HigherOrderUDF::new_from_impl(Reduce { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Reduce {
    signature: HigherOrderSignature,
}

impl HigherOrderUDFImpl for Reduce {
    fn name(&self) -> &str {
        "reduce"
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let [ValueOrLambda::Value(list), ValueOrLambda::Value(state), _, _] = fields else {
            return plan_err!("reduce takes an array, a start and two lambdas");
        };
        let DataType::List(element) = list.data_type() else {
            return plan_err!("reduce takes an array first, not {}", list.data_type());
        };
        let state = Arc::new(state.as_ref().clone().with_nullable(true));
        Ok(LambdaParametersProgress::Complete(vec![vec![Arc::clone(&state), Arc::clone(element)], vec![state]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields {
            [_, _, _, ValueOrLambda::Lambda(output)] => Ok(Arc::new(output.as_ref().clone().with_nullable(true))),
            _ => plan_err!("reduce takes an array, a start and two lambdas"),
        }
    }

    /// Takes the n-th elements of all arrays in one step.
    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let [
            ValueOrLambda::Value(lists),
            ValueOrLambda::Value(start),
            ValueOrLambda::Lambda(input),
            ValueOrLambda::Lambda(output),
        ] = args.args.as_slice()
        else {
            return plan_err!("reduce takes an array, a start and two lambdas");
        };
        let lists = lists.to_array(args.number_rows)?;
        let lists = lists.as_list::<i32>();
        let mut states = start.to_array(args.number_rows)?;
        let longest = (0..lists.len()).map(|row| lists.value_length(row)).max().unwrap_or(0);
        for index in 0..longest {
            let rows: Vec<u32> = (0..lists.len())
                .filter(|row| lists.is_valid(*row) && lists.value_length(*row) > index)
                .map(|row| row as u32)
                .collect();
            let places = rows.iter().map(|row| (lists.value_offsets()[*row as usize] + index) as u32);
            let elements = take(lists.values(), &UInt32Array::from_iter_values(places), None)?;
            let rows = UInt32Array::from(rows);
            let next = step(input, &[take(&states, &rows, None)?, elements], &rows)?;
            states = replaced(&states, &rows, &cast(&next, states.data_type())?)?;
        }
        let present = (0..lists.len()).filter(|row| lists.is_valid(*row)).map(|row| row as u32);
        let rows = UInt32Array::from_iter_values(present);
        let results = step(output, &[take(&states, &rows, None)?], &rows)?;
        let nulls = new_null_array(results.data_type(), lists.len());
        Ok(ColumnarValue::Array(replaced(&nulls, &rows, &results)?))
    }
}

fn step(lambda: &LambdaArgument, arguments: &[ArrayRef], rows: &UInt32Array) -> Result<ArrayRef> {
    let given = |index: usize| move || Ok(Arc::clone(&arguments[index.min(arguments.len() - 1)]));
    let (first, second) = (given(0), given(1));
    let value = lambda.evaluate(&[&first, &second], |captured| {
        captured.iter().map(|column| Ok(take(column, rows, None)?)).collect()
    })?;
    value.into_array(rows.len())
}

/// Puts `values` into `rows` of `array`.
fn replaced(array: &ArrayRef, rows: &UInt32Array, values: &ArrayRef) -> Result<ArrayRef> {
    let both = concat(&[array.as_ref(), values.as_ref()])?;
    let mut places: Vec<u32> = (0..array.len() as u32).collect();
    for (index, row) in rows.values().iter().enumerate() {
        places[*row as usize] = (array.len() + index) as u32;
    }
    Ok(take(&both, &UInt32Array::from(places), None)?)
}
