//! Filters on partition values alone, decided per file without statistics.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, StringViewArray};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, utils};
use datafusion::physical_expr::PhysicalExpr;
use trailql_event::{DATE, REGION};

use crate::columns::{DATE_PARTS, REGIONS, partition_fields, virtual_expr};

/// Filters that the partition values of a file decide for all of its rows.
#[derive(Debug)]
pub(crate) struct PartitionFilter {
    filter: Arc<dyn PhysicalExpr>,
}

impl PartitionFilter {
    /// True if the filter is about `region`, `date` and the names derived from it, and nothing else.
    pub(crate) fn decides(filter: &Expr) -> bool {
        let columns = filter.column_refs();
        !columns.is_empty()
            && columns.iter().all(|column| is_partition_column(&column.name))
            && !filter.is_volatile()
            && !filter.exists(|part| Ok(needs_other_rows(part))).unwrap_or(true)
    }

    /// All of `filters`, each of which must be one that [`Self::decides`] accepts.
    pub(crate) fn try_new(session: &dyn Session, filters: &[Expr]) -> Result<Option<Self>> {
        let Some(all) = utils::conjunction(filters.iter().cloned()) else { return Ok(None) };
        let schema = DFSchema::try_from(Schema::new(partition_fields()))?;
        Ok(Some(Self { filter: session.create_physical_expr(stored(all)?, &schema)? }))
    }

    /// Says for each pair of partition values whether their rows pass.
    pub(crate) fn passes<'a>(&self, values: impl Iterator<Item = (Option<&'a str>, Option<i32>)>) -> Result<Vec<bool>> {
        let (regions, dates): (Vec<_>, Vec<_>) = values.unzip();
        let rows = regions.len();
        let columns: Vec<ArrayRef> = vec![Arc::new(StringViewArray::from(regions)), Arc::new(Date32Array::from(dates))];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(partition_fields())), columns)?;
        let verdicts = self.filter.evaluate(&batch)?.into_array(rows)?;
        let verdicts: &BooleanArray = as_boolean_array(&verdicts)?;
        // NULL is not true: such rows do not pass.
        Ok(verdicts.iter().map(|verdict| verdict == Some(true)).collect())
    }
}

/// Replaces the derived names by what they are computed from.
fn stored(filter: Expr) -> Result<Expr> {
    let swapped = filter.transform_up(|expr| match &expr {
        Expr::Column(column) => match virtual_expr(&column.name) {
            Some(computed) => Ok(Transformed::yes(computed)),
            None => Ok(Transformed::no(expr)),
        },
        _ => Ok(Transformed::no(expr)),
    })?;
    Ok(swapped.data)
}

fn is_partition_column(name: &str) -> bool {
    name == REGION || name == DATE || REGIONS.contains(&name) || DATE_PARTS.iter().any(|(part, _)| *part == name)
}

fn needs_other_rows(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::ScalarSubquery(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::Placeholder(_)
    )
}
