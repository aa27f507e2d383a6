//! The function behind the virtual column `eventjson`.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, ident,
};
use trailql_event::event_schema;

/// `event_json(<every stored event column>)`, so that the scan reads those columns when, and only when, asked.
pub(crate) fn event_json_expr() -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(EventJson::new())));
    FUNCTION.call(event_schema().fields().iter().map(|field| ident(field.name())).collect())
}

/// Rebuilds the source record from its columns, given in the order of [`event_schema`].
#[derive(Debug, PartialEq, Eq, Hash)]
struct EventJson {
    signature: Signature,
}

impl EventJson {
    fn new() -> Self {
        Self { signature: Signature::any(event_schema().fields().len(), Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for EventJson {
    fn name(&self) -> &str {
        "event_json"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let fields: Vec<_> = event_schema()
            .fields()
            .iter()
            .zip(&columns)
            .map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()))
            .collect();
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let json = trailql_event::event_json(&batch).map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(ColumnarValue::Array(Arc::new(json)))
    }
}
