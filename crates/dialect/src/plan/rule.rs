//! What can only be settled once the types are known, ahead of DataFusion's type coercion.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::functions::math::expr_fn::round;
use datafusion::logical_expr::expr::{Cast, InList, ScalarFunction, TryCast};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, and, binary_expr, cast, not,
};
use datafusion::optimizer::AnalyzerRule;

use super::guards::Inputs;
use super::{
    address_order, boolean_text, date_text, decimal_types, derived_time, guards, has_type, partition_text, time_text,
};
use crate::functions;
use crate::json::{is_json, json_cast, json_try_cast, to_json};
use crate::nested::{renames_rows, row_cast};
use crate::text::{ip_address, is_ip, try_ip_address};

/// Most values of an `IN` list that become one comparison each.
const MAX_SPREAD_VALUES: usize = 100;

/// Settles casts, `IN`, `BETWEEN`, `LIKE` and `CASE` between types that Trino's users mix.
#[derive(Debug)]
pub(crate) struct DialectRule;

impl AnalyzerRule for DialectRule {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
            let inputs: Vec<&LogicalPlan> = inputs.iter().collect();
            let mut schema = merge_schema(&inputs);
            if let LogicalPlan::TableScan(scan) = &plan {
                schema.merge(&scan.projected_schema);
            }
            let scope = Scope { schema: &schema, inputs: &inputs };
            let names = NamePreserver::new(&plan);
            let is_filter = matches!(plan, LogicalPlan::Filter(_));
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let rewritten = expr.transform_up(|expr| scope.settle(expr))?;
                let guarded = rewritten.transform_data(|expr| {
                    guards::guard(expr, is_filter, Inputs { schema: &schema, plans: &inputs })
                })?;
                Ok(guarded.update_data(|expr| name.restore(expr)))
            })?
            .map_data(address_order::sort)?
            .map_data(|plan| plan.recompute_schema())
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "trino_dialect"
    }
}

/// What an expression sees.
struct Scope<'a> {
    schema: &'a DFSchema,
    inputs: &'a [&'a LogicalPlan],
}

impl Scope<'_> {
    fn settle(&self, expr: Expr) -> Result<Transformed<Expr>> {
        let settled = match expr {
            Expr::BinaryExpr(operation) => self.operation(operation),
            Expr::Between(between) => self.between(between),
            Expr::InList(list) => self.in_list(list),
            Expr::Like(like) => date_text::settle_like(like, self.schema)
                .or_else(|like| time_text::settle_like(like, self.schema))
                .map_err(Expr::Like),
            Expr::Case(case) => boolean_text::settle_case(case, self.schema).map_err(Expr::Case),
            Expr::Cast(cast) => self.cast(&cast.expr, &cast.field, false).ok_or(Expr::Cast(cast)),
            Expr::TryCast(cast) => self.cast(&cast.expr, &cast.field, true).ok_or(Expr::TryCast(cast)),
            Expr::ScalarFunction(call) => self.call(call),
            other => Err(other),
        };
        Ok(settled.map_or_else(Transformed::no, Transformed::yes))
    }

    fn operation(&self, operation: BinaryExpr) -> std::result::Result<Expr, Expr> {
        if let Some(calculated) = decimal_types::calculate(&operation, self.schema) {
            return Ok(calculated);
        }
        let BinaryExpr { left, op, right } = operation;
        self.compare(&left, op, &right).ok_or_else(|| Expr::BinaryExpr(BinaryExpr { left, op, right }))
    }

    fn compare(&self, left: &Expr, op: Operator, right: &Expr) -> Option<Expr> {
        if !op.supports_propagation() {
            return None;
        }
        boolean_text::compare(left, op, right, self.schema)
            .or_else(|| time_text::compare(left, op, right, self.schema))
            .or_else(|| derived_time::compare(left, op, right, self.schema))
            .or_else(|| address_order::compare(left, op, right, self.schema))
            .or_else(|| {
                let (days, day) = partition_text::whole_day(left, right, self.inputs)?;
                Some(binary_expr(days, op, day))
            })
            .or_else(|| Some(binary_expr(left.clone(), op, date_text::respelled(left, right, self.schema)?)))
            .or_else(|| Some(binary_expr(date_text::respelled(right, left, self.schema)?, op, right.clone())))
            .or_else(|| Some(binary_expr(left.clone(), op, partition_text::respelled(left, right, self.inputs)?)))
            .or_else(|| Some(binary_expr(partition_text::respelled(right, left, self.inputs)?, op, right.clone())))
    }

    /// `x BETWEEN a AND b` is `x >= a AND x <= b`.
    fn between(&self, between: Between) -> std::result::Result<Expr, Expr> {
        let low = self.compare(&between.expr, Operator::GtEq, &between.low);
        let high = self.compare(&between.expr, Operator::LtEq, &between.high);
        if low.is_none() && high.is_none() {
            return Err(Expr::Between(between));
        }
        let Between { expr, negated, low: given_low, high: given_high } = between;
        let low = low.unwrap_or_else(|| expr.as_ref().clone().gt_eq(*given_low));
        let high = high.unwrap_or_else(|| expr.as_ref().clone().lt_eq(*given_high));
        let both = and(low, high);
        Ok(if negated { not(both) } else { both })
    }

    fn in_list(&self, list: InList) -> std::result::Result<Expr, Expr> {
        let list = match boolean_text::settle_in_list(list, self.schema) {
            Ok(settled) => return Ok(settled),
            Err(list) => list,
        };
        let mut list = match time_text::settle_in_list(list, self.schema) {
            Ok(settled) => return Ok(settled),
            Err(list) => list,
        };
        if let Some(spread) = self.spread(&list) {
            return Ok(spread);
        }
        let spelled = |item: &Expr| {
            date_text::respelled(&list.expr, item, self.schema)
                .or_else(|| partition_text::respelled(&list.expr, item, self.inputs))
        };
        let respelled: Vec<Option<Expr>> = list.list.iter().map(spelled).collect();
        if respelled.iter().all(Option::is_none) {
            return Err(Expr::InList(list));
        }
        for (item, respelled) in list.list.iter_mut().zip(respelled) {
            *item = respelled.unwrap_or_else(|| item.clone());
        }
        Ok(Expr::InList(list))
    }

    /// `substr(eventtime, 1, 10) IN (…)` as comparisons of the moment.
    fn spread(&self, list: &InList) -> Option<Expr> {
        if list.list.len() > MAX_SPREAD_VALUES {
            return None;
        }
        let equals = |item: &Expr| derived_time::compare(&list.expr, Operator::Eq, item, self.schema);
        let comparisons = list.list.iter().map(equals).collect::<Option<Vec<_>>>()?;
        let any = datafusion::logical_expr::utils::disjunction(comparisons)?;
        Some(if list.negated { not(any) } else { any })
    }

    fn cast(&self, expr: &Expr, target: &FieldRef, is_safe: bool) -> Option<Expr> {
        let source = expr.to_field(self.schema).ok()?.1;
        let wanted = target.data_type();
        match (is_json(&source), is_json(target)) {
            (true, true) => return Some(expr.clone()),
            (false, true) => return Some(to_json().call(vec![expr.clone()])),
            (true, false) => return Some(from_json(expr, target, is_safe)),
            (false, false) => {}
        }
        if is_ip(target) {
            let function = if is_safe { try_ip_address() } else { ip_address() };
            return Some(function.call(vec![expr.clone()]));
        }
        if renames_rows(source.data_type(), wanted) {
            return Some(row_cast(expr.clone(), FieldRef::clone(target), is_safe));
        }
        if source.data_type().is_string() && wanted.is_nested() {
            return Some(from_json(expr, target, is_safe));
        }
        self.rounded(expr, &source, target, is_safe)
    }

    /// A cast to a whole number rounds half away from zero; Arrow's cuts.
    fn rounded(&self, expr: &Expr, source: &Field, target: &FieldRef, is_safe: bool) -> Option<Expr> {
        if !source.data_type().is_floating() || !target.data_type().is_integer() {
            return None;
        }
        // Rounding is done once, also when the rule runs again.
        if matches!(expr, Expr::ScalarFunction(call) if call.name() == "round") {
            return None;
        }
        let rounded = Box::new(round(vec![expr.clone()]));
        let field = FieldRef::clone(target);
        Some(match is_safe {
            true => Expr::TryCast(TryCast::new_from_field(rounded, field)),
            false => Expr::Cast(Cast::new_from_field(rounded, field)),
        })
    }

    /// Reading `eventtime` as a time gives what it is already.
    fn call(&self, call: ScalarFunction) -> std::result::Result<Expr, Expr> {
        let reads_times = matches!(call.name(), "from_iso8601_timestamp" | "date_parse" | "parse_datetime");
        match call.args.first() {
            Some(time) if reads_times && time_text::is_moment(time, self.schema) => Ok(time.clone()),
            // Text of an array has a length too, but none that anyone asks for.
            Some(list) if call.name() == "character_length" && is_list(list, self.schema) => {
                functions::scalar("cardinality")
                    .map(|cardinality| cardinality.call(call.args.clone()))
                    .ok_or_else(|| Expr::ScalarFunction(call))
            }
            // A date stays one.
            Some(_) if call.name() == "date_trunc" && has_type(&call.args[1], self.schema, &DataType::Date32) => {
                Ok(cast(Expr::ScalarFunction(call), DataType::Date32))
            }
            _ => Err(Expr::ScalarFunction(call)),
        }
    }
}

fn is_list(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| matches!(data_type, DataType::List(_)))
}

fn from_json(expr: &Expr, target: &FieldRef, is_safe: bool) -> Expr {
    // `varchar` of a cast is a view; values of JSON are not.
    let target = match target.data_type() {
        DataType::Utf8View => FieldRef::new(target.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => FieldRef::clone(target),
    };
    if is_safe { json_try_cast(expr.clone(), target) } else { json_cast(expr.clone(), target) }
}
