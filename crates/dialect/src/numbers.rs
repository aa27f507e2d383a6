//! Functions on numbers: bits, rounding that keeps whole numbers whole, other bases, limits of `double`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ReturnFieldArgs, ScalarUDF};

use crate::datetime::{interval_over, interval_type};
use crate::function::{Call, Function, Kind, Returns};

/// The functions on numbers.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    [bits(), rounding(), limits(), bases(), quotients()].concat().into_iter().map(Function::udf).collect()
}

fn bits() -> Vec<Function> {
    macro_rules! bitwise {
        ($name:literal, $op:expr) => {
            Function::new($name, &[Kind::Int, Kind::Int], Returns::Type(DataType::Int64), |call| {
                let op: fn(i64, i64) -> i64 = $op;
                let pairs = call.ints(0)?.into_iter().zip(call.ints(1)?);
                Ok(Arc::new(pairs.map(|(a, b)| Some(op(a?, b?))).collect::<Int64Array>()))
            })
        };
    }
    vec![
        bitwise!("bitwise_and", |a, b| a & b),
        bitwise!("bitwise_or", |a, b| a | b),
        bitwise!("bitwise_xor", |a, b| a ^ b),
        bitwise!("bitwise_left_shift", |a, b| shifted(a, b, i64::checked_shl, 0)),
        bitwise!("bitwise_right_shift", |a, b| shifted(a, b, |a, b| (a as u64).checked_shr(b).map(|a| a as i64), 0)),
        bitwise!("bitwise_right_shift_arithmetic", |a, b| shifted(a, b, i64::checked_shr, if a < 0 { -1 } else { 0 })),
        Function::new("bitwise_not", &[Kind::Int], Returns::Type(DataType::Int64), |call| {
            Ok(Arc::new(call.ints(0)?.into_iter().map(|number| number.map(|number| !number)).collect::<Int64Array>()))
        }),
        Function::new("bit_count", &[Kind::Int, Kind::Int], Returns::Type(DataType::Int64), bit_count),
    ]
}

fn shifted(number: i64, by: i64, shift: fn(i64, u32) -> Option<i64>, beyond: i64) -> i64 {
    u32::try_from(by).ok().and_then(|by| shift(number, by)).unwrap_or(beyond)
}

/// The ones among the lowest `bits` of a number.
fn bit_count(call: &Call) -> Result<ArrayRef> {
    let pairs = call.ints(0)?.into_iter().zip(call.ints(1)?);
    let count = |(number, bits): (Option<i64>, Option<i64>)| {
        let (Some(number), Some(bits)) = (number, bits) else { return Ok(None) };
        if !(2..=64).contains(&bits) {
            return exec_err!("bit_count takes 2 to 64 bits, not {bits}");
        }
        let unused = 64 - bits as u32;
        Ok(Some(i64::from((number << unused).count_ones())))
    };
    Ok(Arc::new(pairs.map(count).collect::<Result<Int64Array>>()?))
}

/// DuckDB's `/` and `//`.
fn quotients() -> Vec<Function> {
    vec![
        Function::new("quotient", &[Kind::Any, Kind::Any], Returns::From(quotient_type), quotient),
        Function::new("whole_quotient", &[Kind::Any, Kind::Any], Returns::From(whole_quotient_type), whole_quotient),
    ]
}

fn nullable(data_type: DataType) -> Result<FieldRef> {
    Ok(Arc::new(Field::new("quotient", data_type, true)))
}

fn quotient_type(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let is_span = args.arg_fields.first().is_some_and(|field| is_span(field.data_type()));
    nullable(if is_span { interval_type() } else { DataType::Float64 })
}

fn is_span(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
}

/// Division to `double`, also of whole numbers; by 0 it gives infinity. Intervals stay intervals.
fn quotient(call: &Call) -> Result<ArrayRef> {
    if is_span(&call.data_type(0)) {
        return interval_over(call);
    }
    let pairs = call.floats(0)?.into_iter().zip(call.floats(1)?);
    Ok(Arc::new(pairs.map(|(a, b)| Some(a? / b?)).collect::<Float64Array>()))
}

fn whole_quotient_type(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let is_whole = |field: &FieldRef| field.data_type().is_integer() || field.data_type().is_null();
    nullable(if args.arg_fields.iter().all(is_whole) { DataType::Int64 } else { DataType::Float64 })
}

/// Division of whole numbers towards 0; by 0 it gives NULL. Others are divided to `double`.
fn whole_quotient(call: &Call) -> Result<ArrayRef> {
    if *call.return_field.data_type() == DataType::Float64 {
        return quotient(call);
    }
    let pairs = call.ints(0)?.into_iter().zip(call.ints(1)?);
    Ok(Arc::new(pairs.map(|(a, b)| a?.checked_div(b?)).collect::<Int64Array>()))
}

fn rounding() -> Vec<Function> {
    macro_rules! keeping_type {
        ($name:literal, $float:expr, $int:expr) => {
            Function::new($name, &[Kind::Any], Returns::From(number_type), |call| {
                let (float, int): (fn(f64) -> f64, fn(i64) -> i64) = ($float, $int);
                if call.return_field.data_type().is_integer() {
                    return Ok(Arc::new(call.ints(0)?.into_iter().map(|n| n.map(int)).collect::<Int64Array>()));
                }
                let numbers = call.floats(0)?.into_iter().map(|n| n.map(float));
                Ok(Arc::new(numbers.collect::<Float64Array>()))
            })
        };
    }
    vec![
        keeping_type!(
            "sign",
            |n| if n > 0.0 {
                1.0
            } else if n < 0.0 {
                -1.0
            } else {
                n
            },
            i64::signum
        ),
        keeping_type!("ceil", f64::ceil, |n| n).aliases(&["ceiling"]),
        keeping_type!("floor", f64::floor, |n| n),
        Function::new(
            "width_bucket",
            &[Kind::Float, Kind::Float, Kind::Float, Kind::Int],
            Returns::Type(DataType::Int64),
            width_bucket,
        ),
    ]
}

/// Whole numbers stay whole.
fn number_type(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let is_whole = args.arg_fields[0].data_type().is_integer();
    Ok(Arc::new(Field::new("number", if is_whole { DataType::Int64 } else { DataType::Float64 }, true)))
}

/// The bucket of a number among `n` of the same width; 0 below the first and `n + 1` above the last.
fn width_bucket(call: &Call) -> Result<ArrayRef> {
    let (numbers, lows, highs, counts) = (call.floats(0)?, call.floats(1)?, call.floats(2)?, call.ints(3)?);
    let bucket = |row: usize| {
        let (Some(number), Some(low), Some(high), Some(count)) = (numbers[row], lows[row], highs[row], counts[row])
        else {
            return Ok(None);
        };
        if count < 1 || low == high || !low.is_finite() || !high.is_finite() {
            return exec_err!("width_bucket takes two different bounds and at least one bucket");
        }
        let share = (number - low) / (high - low);
        Ok(Some(match share {
            share if share < 0.0 => 0,
            share if share >= 1.0 => count + 1,
            share => (share * count as f64) as i64 + 1,
        }))
    };
    Ok(Arc::new((0..call.rows).map(bucket).collect::<Result<Int64Array>>()?))
}

fn limits() -> Vec<Function> {
    macro_rules! constant {
        ($name:literal, $value:expr) => {
            Function::new($name, &[], Returns::Type(DataType::Float64), |call| {
                Ok(Arc::new(Float64Array::from(vec![$value; call.rows])))
            })
        };
    }
    macro_rules! test {
        ($name:literal, $test:expr) => {
            Function::new($name, &[Kind::Float], Returns::Type(DataType::Boolean), |call| {
                let test: fn(f64) -> bool = $test;
                Ok(Arc::new(call.floats(0)?.into_iter().map(|number| number.map(test)).collect::<BooleanArray>()))
            })
        };
    }
    vec![
        constant!("e", std::f64::consts::E),
        constant!("infinity", f64::INFINITY),
        constant!("nan", f64::NAN),
        test!("is_nan", f64::is_nan).aliases(&["isnan"]),
        test!("is_finite", f64::is_finite).aliases(&["isfinite"]),
        test!("is_infinite", f64::is_infinite).aliases(&["isinf"]),
    ]
}

fn bases() -> Vec<Function> {
    vec![
        Function::new("to_base", &[Kind::Int, Kind::Int], Returns::Type(DataType::Utf8), to_base),
        Function::new("from_base", &[Kind::Text, Kind::Int], Returns::Type(DataType::Int64), from_base),
    ]
}

fn radix(base: i64) -> Result<u32> {
    let radix = u32::try_from(base).ok().filter(|radix| (2..=36).contains(radix));
    radix.ok_or_else(|| exec_datafusion_err!("a base is between 2 and 36, not {base}"))
}

fn to_base(call: &Call) -> Result<ArrayRef> {
    let (numbers, bases) = (call.ints(0)?, call.ints(1)?);
    call.build_texts(|row| {
        let (Some(number), Some(base)) = (numbers[row], bases[row]) else { return Ok(None) };
        let radix = radix(base)?;
        let mut rest = number.unsigned_abs();
        let mut digits = Vec::new();
        loop {
            digits.extend(char::from_digit((rest % u64::from(radix)) as u32, radix));
            rest /= u64::from(radix);
            if rest == 0 {
                break;
            }
        }
        digits.extend((number < 0).then_some('-'));
        Ok(Some(digits.into_iter().rev().collect::<String>()))
    })
}

fn from_base(call: &Call) -> Result<ArrayRef> {
    let (texts, bases) = (call.texts(0)?, call.ints(1)?);
    let number = |row: usize| {
        let (Some(text), Some(base)) = (texts.get(row), bases[row]) else { return Ok(None) };
        let number = i64::from_str_radix(text, radix(base)?);
        number.map(Some).map_err(|_| exec_datafusion_err!("'{text}' is no number to the base {base}"))
    };
    Ok(Arc::new((0..call.rows).map(number).collect::<Result<Int64Array>>()?))
}
