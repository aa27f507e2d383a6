//! `readonly = 'true'` means `readonly = true`.
//!
//! Athena's table has text in these columns, CloudTrail Lake's has booleans; DataFusion has no common type for the
//! two. Comparisons are settled while SQL is planned, as their types are checked then; `IN` lists and `CASE` are
//! settled before type coercion.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Case, Expr, ExprSchemable, LogicalPlan, cast, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// Plans comparisons of a boolean with text.
#[derive(Debug)]
pub(crate) struct BooleanTextPlanner;

impl ExprPlanner for BooleanTextPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator as Op;
        if !matches!(expr.op, Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq | Op::Spaceship) {
            return Ok(PlannerResult::Original(expr));
        }
        let RawBinaryExpr { op, left, right } = expr;
        let (left, right) = match (is_boolean(&left, schema), is_boolean(&right, schema)) {
            (true, false) => unify(left, right, schema),
            (false, true) => {
                let (right, left) = unify(right, left, schema);
                (left, right)
            }
            _ => (left, right),
        };
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

/// Settles `readonly IN ('true', …)` and `CASE readonly WHEN 'true' …`.
#[derive(Debug)]
pub(crate) struct BooleanTextRule;

impl AnalyzerRule for BooleanTextRule {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            plan.map_expressions(|expr| expr.transform_up(|expr| rewrite(expr, &schema)))
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "boolean_text"
    }
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::InList(InList { expr, list, negated })
            if is_boolean(&expr, schema) && list.iter().any(|item| is_text(item, schema)) =>
        {
            // All literals: the column stays as it is, so that the filter can prune.
            let booleans: Option<Vec<Expr>> = list.iter().map(|item| literal_boolean(item).map(lit)).collect();
            let (expr, list) = match booleans {
                Some(list) => (expr, list),
                None => {
                    let list = list.into_iter().map(|item| as_text(item, schema)).collect();
                    (Box::new(as_text(*expr, schema)), list)
                }
            };
            Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })))
        }
        Expr::Case(Case { expr: Some(operand), when_then_expr, else_expr })
            if is_boolean(&operand, schema) && when_then_expr.iter().any(|(when, _)| is_text(when, schema)) =>
        {
            let when_then_expr =
                when_then_expr.into_iter().map(|(when, then)| (Box::new(as_text(*when, schema)), then)).collect();
            let operand = Some(Box::new(as_text(*operand, schema)));
            Ok(Transformed::yes(Expr::Case(Case { expr: operand, when_then_expr, else_expr })))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// Gives the two sides one type: boolean if the text is a literal `'true'` or `'false'`, else text.
fn unify(boolean: Expr, other: Expr, schema: &DFSchema) -> (Expr, Expr) {
    if !is_text(&other, schema) {
        return (boolean, other);
    }
    match literal_boolean(&other) {
        Some(value) => (boolean, lit(value)),
        None => (cast(boolean, DataType::Utf8), other),
    }
}

fn as_text(expr: Expr, schema: &DFSchema) -> Expr {
    if is_boolean(&expr, schema) { cast(expr, DataType::Utf8) } else { expr }
}

fn literal_boolean(expr: &Expr) -> Option<bool> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) = expr else {
        return None;
    };
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn is_boolean(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Boolean))
}

fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type.is_string())
}
