//! From the columns of a query to expressions over the stored columns.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};

use crate::columns::{query_schema, stored_schema, virtual_expr};

/// The columns asked for (by their index in [`query_schema`]; all of them without a list), virtual ones as expressions
/// that the scan itself computes.
///
/// That way a query on `account` reads two leaves and not the whole of `useridentity`.
pub(crate) fn projection_exprs(session: &dyn Session, projection: Option<&Vec<usize>>) -> Result<ProjectionExprs> {
    let query = query_schema();
    let schema = DFSchema::try_from(stored_schema())?;
    let all: Vec<usize> = (0..query.fields().len()).collect();
    let column = |index: &usize| -> Result<ProjectionExpr> {
        let name = query.field(*index).name();
        let expr = match virtual_expr(name) {
            Some(computed) => session.create_physical_expr(computed, &schema)?,
            // Stored columns come first in the query's schema, in the same order.
            None => Arc::new(Column::new(name, *index)),
        };
        Ok(ProjectionExpr { expr, alias: name.clone() })
    };
    projection.unwrap_or(&all).iter().map(column).collect::<Result<Vec<_>>>().map(ProjectionExprs::new)
}
