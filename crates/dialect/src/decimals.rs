//! Trino's arithmetic of decimals, on doubles that hold them.
//!
//! The digits behind the point of a result are the more of the two sides' for `+`, `-` and `/`, and their sum for `*`;
//! a quotient is rounded half away from zero (<https://trino.io/docs/current/functions/decimal.html>). Calculated with
//! whole numbers of 128 bits, so that what is printed is what Trino prints.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{Expr, Operator, ScalarUDF, lit};

use crate::function::{Call, Function, Kind, Returns};
use crate::syntax::DECIMAL_LITERAL;

/// The name of what a calculation with decimals becomes.
pub(crate) const ARITHMETIC: &str = "decimal_arithmetic";

/// Most digits behind the point that are kept; Trino has up to 38 in all.
const MAX_SCALE: u32 = 18;

static CALCULATION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    const KINDS: &[Kind] = &[Kind::Text, Kind::Float, Kind::Int, Kind::Float, Kind::Int];
    Function::new(ARITHMETIC, KINDS, Returns::Type(DataType::Float64), calculate).udf()
});

/// The functions on decimals.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let literal = Function::new(DECIMAL_LITERAL, &[Kind::Float, Kind::Int], Returns::Type(DataType::Float64), |call| {
        Ok(Arc::new(call.floats(0)?.into_iter().collect::<Float64Array>()))
    });
    vec![literal.udf(), Arc::clone(&CALCULATION)]
}

/// `decimal_arithmetic(op, left, its digits, right, its digits)`.
pub(crate) fn calculation(op: Operator, left: (Expr, u32), right: (Expr, u32)) -> Expr {
    CALCULATION.call(vec![lit(op.to_string()), left.0, lit(i64::from(left.1)), right.0, lit(i64::from(right.1))])
}

/// The digits behind the point of a result; `None` for what is no calculation with decimals, or has too many.
pub(crate) fn scale(op: &str, left: u32, right: u32) -> Option<u32> {
    let scale = match op {
        "+" | "-" | "/" => left.max(right),
        "*" => left + right,
        _ => return None,
    };
    (scale <= MAX_SCALE).then_some(scale)
}

fn calculate(call: &Call) -> Result<ArrayRef> {
    let (ops, left, right) = (call.texts(0)?, call.floats(1)?, call.floats(3)?);
    let (left_scales, right_scales) = (call.ints(2)?, call.ints(4)?);
    let result = |row: usize| {
        let scales = left_scales[row].zip(right_scales[row]);
        let (Some(op), Some(left), Some(right), Some(scales)) = (ops.get(row), left[row], right[row], scales) else {
            return Ok(None);
        };
        if op == "/" && right == 0.0 {
            return exec_err!("division by zero");
        }
        Ok(exact(op, (left, scales.0 as u32), (right, scales.1 as u32)).or_else(|| rounded(op, left, right)))
    };
    Ok(Arc::new((0..call.rows).map(result).collect::<Result<Float64Array>>()?))
}

/// The result in whole numbers; `None` where they are too large.
fn exact(op: &str, (left, left_scale): (f64, u32), (right, right_scale): (f64, u32)) -> Option<f64> {
    let scale = scale(op, left_scale, right_scale)?;
    let (left, right) = (whole(left, left_scale)?, whole(right, right_scale)?);
    let to = |number: i128, from: u32| number.checked_mul(10_i128.checked_pow(scale - from)?);
    let result = match op {
        "+" => to(left, left_scale)?.checked_add(to(right, right_scale)?)?,
        "-" => to(left, left_scale)?.checked_sub(to(right, right_scale)?)?,
        "*" => left.checked_mul(right)?,
        _ => quotient(left.checked_mul(10_i128.checked_pow(scale + right_scale - left_scale)?)?, right)?,
    };
    Some(result as f64 / 10_f64.powi(scale as i32))
}

fn rounded(op: &str, left: f64, right: f64) -> Option<f64> {
    Some(match op {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        _ => left / right,
    })
}

/// Rounded half away from zero.
fn quotient(left: i128, right: i128) -> Option<i128> {
    let (quotient, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
    let is_up = rest.unsigned_abs() >= right.unsigned_abs().div_ceil(2);
    let step = if (left < 0) == (right < 0) { 1 } else { -1 };
    Some(if rest != 0 && is_up { quotient + step } else { quotient })
}

/// A number in units of its last digit.
fn whole(number: f64, scale: u32) -> Option<i128> {
    let units = (number * 10_f64.powi(scale as i32)).round();
    // Whole numbers beyond are not exact in a double.
    (units.abs() < 2_f64.powi(53)).then_some(units as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calculates_as_trino_does() {
        assert_eq!(exact("/", (1.0, 1), (3.0, 0)), Some(0.3));
        assert_eq!(exact("/", (15100.0, 1), (1766.0, 0)), Some(8.6));
        assert_eq!(exact("/", (1.0, 0), (8.00, 2)), Some(0.13));
        assert_eq!(exact("/", (-1.0, 0), (8.00, 2)), Some(-0.13));
        assert_eq!(exact("/", (1.0, 1), (4.0, 1)), Some(0.3));
        assert_eq!(exact("/", (10.0, 1), (-4.0, 1)), Some(-2.5));
        assert_eq!(exact("+", (0.1, 1), (0.2, 1)), Some(0.3));
        assert_eq!(exact("-", (1.0, 1), (0.95, 2)), Some(0.05));
        assert_eq!(exact("*", (0.1, 1), (3.0, 0)), Some(0.3));
        assert_eq!(exact("*", (1e15, 1), (3.0, 0)), None);
    }
}
