//! Functions beside plain evaluations of their own, on made input.

mod dates;
mod json;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs};

/// Calls a function of the dialect for so many rows.
fn run(name: &str, args: Vec<ColumnarValue>, number_rows: usize) -> ArrayRef {
    let function = crate::functions::scalar(name).expect(name);
    let fields: Vec<_> = args.iter().map(|arg| Arc::new(Field::new("arg", arg.data_type(), true))).collect();
    let constants: Vec<_> = args
        .iter()
        .map(|arg| match arg {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        })
        .collect();
    let given = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &constants };
    let return_field = function.return_field_from_args(given).expect(name);
    let config_options = Arc::new(ConfigOptions::default());
    let call = ScalarFunctionArgs { arg_fields: fields, number_rows, return_field, config_options, args };
    function.invoke_with_args(call).and_then(|answer| answer.into_array(number_rows)).expect(name)
}
