//! Queries change nothing in the lake: it grows by `ingest` alone.
//!
//! A session may have views and tables of its own, in memory; what trailql gave it stays as it is.

use datafusion::common::TableReference;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};

use crate::error::SqlError;

/// Refuses a plan that would change one of trailql's own relations, whose names `is_own` knows.
///
/// Looks into `EXPLAIN ANALYZE`, which runs what it explains.
pub(crate) fn check(plan: &LogicalPlan, is_own: impl Fn(&str) -> bool) -> Result<(), SqlError> {
    let mut refused = None;
    let visited = plan.apply(|node| {
        if let Some(target) = changed_relation(node).filter(|target| is_own(target.table())) {
            refused = Some(target.table().to_owned());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok::<_, DataFusionError>(TreeNodeRecursion::Continue)
    });
    match (visited, refused) {
        (_, Some(table)) => Err(SqlError::ReadOnly { table }),
        _ => Ok(()),
    }
}

fn changed_relation(node: &LogicalPlan) -> Option<&TableReference> {
    match node {
        LogicalPlan::Dml(dml) => Some(&dml.table_name),
        LogicalPlan::Ddl(ddl) => match ddl {
            DdlStatement::CreateExternalTable(create) => Some(&create.name),
            DdlStatement::CreateMemoryTable(create) => Some(&create.name),
            DdlStatement::CreateView(create) => Some(&create.name),
            DdlStatement::DropTable(drop) => Some(&drop.name),
            DdlStatement::DropView(drop) => Some(&drop.name),
            _ => None,
        },
        _ => None,
    }
}
