//! A call with lambdas that shows the columns it reads, and nothing of the lambdas.
//!
//! DataFusion computes what it can of a join's condition on one side, and takes a lambda for such a part where its body
//! reads columns of one side only; but a lambda is nothing without its call.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::higher_order_function::HigherOrderFunctionExpr;

/// Wraps the calls with lambdas of an expression.
pub(super) fn with_whole_calls(expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
    let whole = |expr: Arc<dyn PhysicalExpr>| {
        if expr.downcast_ref::<HigherOrderFunctionExpr>().is_none() {
            return Ok(Transformed::no(expr));
        }
        let whole = Arc::new(WholeCall::try_new(expr)?);
        Ok(Transformed::new(whole as Arc<dyn PhysicalExpr>, true, TreeNodeRecursion::Jump))
    };
    expr.transform_down(whole).map(|transformed| transformed.data)
}

#[derive(Debug, Eq)]
struct WholeCall {
    call: Arc<dyn PhysicalExpr>,
    columns: Vec<Arc<dyn PhysicalExpr>>,
}

impl WholeCall {
    fn try_new(call: Arc<dyn PhysicalExpr>) -> Result<Self> {
        let mut columns: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
        call.apply(|expr| {
            if expr.downcast_ref::<Column>().is_some() && !columns.contains(expr) {
                columns.push(Arc::clone(expr));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(Self { call, columns })
    }
}

impl PartialEq for WholeCall {
    fn eq(&self, other: &Self) -> bool {
        self.call.eq(&other.call)
    }
}

impl Hash for WholeCall {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.call.hash(state);
    }
}

impl fmt::Display for WholeCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

impl PhysicalExpr for WholeCall {
    fn data_type(&self, input_schema: &Schema) -> Result<DataType> {
        self.call.data_type(input_schema)
    }

    fn nullable(&self, input_schema: &Schema) -> Result<bool> {
        self.call.nullable(input_schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.call.evaluate(batch)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.call.return_field(input_schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.columns.iter().collect()
    }

    /// Puts other expressions for the columns, wherever the call reads them.
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let new = |expr: Arc<dyn PhysicalExpr>| {
            let found = self.columns.iter().zip(&children).find(|(column, _)| column.as_ref() == expr.as_ref());
            Ok(match found {
                Some((_, child)) => Transformed::yes(Arc::clone(child)),
                None => Transformed::no(expr),
            })
        };
        let call = Arc::clone(&self.call).transform_up(new)?.data;
        Ok(Arc::new(Self::try_new(call)?))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt_sql(f)
    }
}
