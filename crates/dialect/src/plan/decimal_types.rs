//! Which expressions are decimals to Trino, and with how many digits behind the point.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable};

use crate::decimals::{self, ARITHMETIC, calculation};
use crate::syntax::DECIMAL_LITERAL;

/// Plans a calculation of which one side is a decimal, and the other one, too, or a whole number.
pub(super) fn calculate(expr: &BinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let (left, right) = (number(&expr.left, schema)?, number(&expr.right, schema)?);
    if !left.is_decimal && !right.is_decimal {
        return None;
    }
    decimals::scale(&expr.op.to_string(), left.scale, right.scale)?;
    Some(calculation(expr.op, (*expr.left.clone(), left.scale), (*expr.right.clone(), right.scale)))
}

struct Number {
    scale: u32,
    is_decimal: bool,
}

fn number(expr: &Expr, schema: &DFSchema) -> Option<Number> {
    let decimal = |scale| Some(Number { scale, is_decimal: true });
    match expr {
        Expr::Alias(alias) => return number(&alias.expr, schema),
        Expr::Negative(inner) => return number(inner, schema),
        Expr::ScalarFunction(call) => match (call.name(), call.args.as_slice()) {
            (DECIMAL_LITERAL, [_, digits]) => return decimal(literal(digits)?),
            (ARITHMETIC, [Expr::Literal(ScalarValue::Utf8(Some(op)), _), _, left, _, right]) => {
                return decimal(decimals::scale(op, literal(left)?, literal(right)?)?);
            }
            ("round", [rounded, ..]) if number(rounded, schema).is_some_and(|inner| inner.is_decimal) => {
                return number(rounded, schema);
            }
            _ => {}
        },
        _ => {}
    }
    match expr.get_type(schema).ok()? {
        DataType::Decimal128(_, scale) => decimal(u32::try_from(scale).ok()?),
        integer if integer.is_integer() => Some(Number { scale: 0, is_decimal: false }),
        _ => None,
    }
}

fn literal(digits: &Expr) -> Option<u32> {
    match digits {
        Expr::Literal(ScalarValue::Int64(Some(digits)), _) => u32::try_from(*digits).ok(),
        _ => None,
    }
}
