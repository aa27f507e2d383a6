//! `TRY(x)`: NULL in the rows in which `x` fails.
//!
//! The parser's tree gets `try(… -> x)`, so that `x` is evaluated by this function and not before it: first for all
//! rows at once, and row by row only if that fails.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int8Array, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDF,
    HigherOrderUDFImpl, LambdaArgument, LambdaParametersProgress, ValueOrLambda, Volatility,
};

/// The function's name.
pub(crate) const TRY: &str = "try";

pub(super) fn function() -> Arc<HigherOrderUDF> {
    let signature = HigherOrderSignature::any(1, Volatility::Immutable);
    Arc::new(HigherOrderUDF::new_from_impl(TryCall { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TryCall {
    signature: HigherOrderSignature,
}

impl HigherOrderUDFImpl for TryCall {
    fn name(&self) -> &str {
        TRY
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    /// One that nobody names: a lambda has at least one.
    fn lambda_parameters(
        &self,
        _step: usize,
        _fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let unused = Arc::new(Field::new("row", DataType::Int8, true));
        Ok(LambdaParametersProgress::Complete(vec![vec![unused]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields {
            [ValueOrLambda::Lambda(body)] => Ok(Arc::new(body.as_ref().clone().with_nullable(true))),
            _ => plan_err!("TRY takes one expression"),
        }
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let [ValueOrLambda::Lambda(body)] = args.args.as_slice() else {
            return plan_err!("TRY takes one expression");
        };
        if let Ok(all) = rows_of(body, 0, args.number_rows) {
            return Ok(ColumnarValue::Array(all));
        }
        let null = new_null_array(args.return_field.data_type(), 1);
        let rows = (0..args.number_rows).map(|row| rows_of(body, row, 1).unwrap_or_else(|_| Arc::clone(&null)));
        let rows: Vec<ArrayRef> = rows.collect();
        let rows: Vec<_> = rows.iter().map(|row| row.as_ref()).collect();
        Ok(ColumnarValue::Array(concat(&rows)?))
    }
}

/// Evaluates the body for `count` rows from `start`.
fn rows_of(body: &LambdaArgument, start: usize, count: usize) -> Result<ArrayRef> {
    let unused = || Ok(Arc::new(Int8Array::from(vec![0; count])) as ArrayRef);
    let value =
        body.evaluate(&[&unused], |captured| Ok(captured.iter().map(|column| column.slice(start, count)).collect()))?;
    value.into_array(count)
}
