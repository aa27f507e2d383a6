//! `m['key']` for a map `m`: the key's value, or NULL.
//!
//! DataFusion plans it as the member `key` of a struct. Below a struct (`useridentity.….attributes['sub']`) that call
//! is joined with those of the members above, and the Parquet scan then looks for a leaf of that name and fails.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::functions_nested::extract::array_element;
use datafusion::functions_nested::map_extract::map_extract;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{ExprSchemable, GetFieldAccess, lit};

/// Plans subscripts of maps as `map_extract(m, 'key')[1]`.
#[derive(Debug)]
pub(crate) struct MapSubscriptPlanner;

impl ExprPlanner for MapSubscriptPlanner {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        match &access.field_access {
            GetFieldAccess::NamedStructField { name }
                if matches!(access.expr.get_type(schema), Ok(DataType::Map(..))) =>
            {
                let values = map_extract(access.expr, lit(name.clone()));
                Ok(PlannerResult::Planned(array_element(values, lit(1_i64))))
            }
            _ => Ok(PlannerResult::Original(access)),
        }
    }
}
