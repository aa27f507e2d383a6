//! `DESCRIBE` with Trino's names of types.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use crate::type_name::type_name;

/// Plans `DESCRIBE` so that its rows name types as Trino does; every other plan stays as it is.
pub fn described(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::DescribeTable(table) = &plan else { return Ok(plan) };
    let column = |text: fn(&Field) -> String| -> ArrayRef {
        Arc::new(table.schema.fields().iter().map(|field| Some(text(field))).collect::<StringArray>())
    };
    let names = column(|field| field.name().clone());
    let nullable = column(|field| if field.is_nullable() { "YES" } else { "NO" }.to_owned());
    let field = |name: &str| Field::new(name, DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![field("column_name"), field("data_type"), field("is_nullable")]));
    let rows = RecordBatch::try_new(Arc::clone(&schema), vec![names, column(type_name), nullable])?;
    let rows = provider_as_source(Arc::new(MemTable::try_new(schema, vec![vec![rows]])?));
    LogicalPlanBuilder::scan("columns", rows, None)?.build()
}
