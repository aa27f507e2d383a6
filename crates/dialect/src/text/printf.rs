//! `format('%s: %,d', …)`, after Java's `Formatter` as far as it is about text and numbers, and
//! `human_readable_seconds`.
//!
//! See "Conversion functions" and "Date and time functions" in Trino's documentation.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use crate::function::{Call, Function, Kind, Returns};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let text = || Returns::Type(DataType::Utf8);
    vec![
        Function::new("format", &[Kind::Text, Kind::Any], text(), format).variadic().udf(),
        Function::new("human_readable_seconds", &[Kind::Float], text(), human_readable_seconds).udf(),
    ]
}

/// A piece of a pattern.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Value(Place),
}

/// `%[argument$][flags][width][.precision]conversion`.
#[derive(Debug, PartialEq)]
struct Place {
    /// From 0.
    argument: usize,
    is_left: bool,
    is_zero_padded: bool,
    is_grouped: bool,
    has_plus: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

fn format(call: &Call) -> Result<ArrayRef> {
    let patterns = call.texts(0)?;
    let constant = call.constant(0).and_then(|_| patterns.get(0)).map(pieces).transpose()?;
    let arguments = (1..call.len()).map(|index| call.array(index)).collect::<Result<Vec<_>>>()?;
    let values = Values {
        texts: arguments.iter().map(|array| cast(array, &DataType::Utf8).ok()).collect(),
        ints: arguments.iter().map(|array| number(array, &DataType::Int64)).collect(),
        floats: arguments.iter().map(|array| number(array, &DataType::Float64)).collect(),
    };
    call.build_texts(|row| {
        let Some(pattern) = patterns.get(row) else { return Ok(None) };
        let of_row;
        let pieces = match &constant {
            Some(pieces) => pieces,
            None => {
                of_row = pieces(pattern)?;
                &of_row
            }
        };
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Value(place) => text.push_str(&values.write(place, row)?),
            }
        }
        Ok(Some(text))
    })
}

/// The arguments as each conversion wants them; `None` for those that it cannot take.
struct Values {
    texts: Vec<Option<ArrayRef>>,
    ints: Vec<Option<ArrayRef>>,
    floats: Vec<Option<ArrayRef>>,
}

/// Casts whole numbers to either type, and numbers with a fraction to such only.
fn number(array: &ArrayRef, as_type: &DataType) -> Option<ArrayRef> {
    let given = array.data_type();
    let fits = given.is_integer() || given.is_null() || (given.is_numeric() && as_type.is_floating());
    fits.then(|| cast(array, as_type).ok()).flatten()
}

impl Values {
    fn write(&self, place: &Place, row: usize) -> Result<String> {
        let number = place.argument + 1;
        let column = |columns: &[Option<ArrayRef>], kind: &str| match columns.get(place.argument) {
            None => exec_err!("format: there is no argument {number} for %{}", place.conversion),
            Some(None) => exec_err!("format: argument {number} is not {kind}, as %{} wants", place.conversion),
            Some(Some(array)) => Ok(Arc::clone(array)),
        };
        let body = match place.conversion {
            's' | 'S' => {
                let array = column(&self.texts, "text")?;
                let text = if array.is_valid(row) { array.as_string::<i32>().value(row) } else { "null" };
                let cut = place.precision.map_or_else(|| text.to_owned(), |length| text.chars().take(length).collect());
                if place.conversion == 'S' { cut.to_uppercase() } else { cut }
            }
            'd' | 'x' | 'X' => {
                let array = column(&self.ints, "a whole number")?;
                if array.is_null(row) {
                    return Ok(place.padded("null".to_owned()));
                }
                let value = array.as_primitive::<Int64Type>().value(row);
                match place.conversion {
                    'd' => place.signed(value < 0, value.unsigned_abs().to_string()),
                    'x' => format!("{value:x}"),
                    _ => format!("{value:X}"),
                }
            }
            _ => {
                let array = column(&self.floats, "a number")?;
                if array.is_null(row) {
                    return Ok(place.padded("null".to_owned()));
                }
                let value = array.as_primitive::<Float64Type>().value(row);
                place.signed(value.is_sign_negative(), format!("{:.*}", place.precision.unwrap_or(6), value.abs()))
            }
        };
        Ok(place.padded(body))
    }
}

impl Place {
    fn signed(&self, is_negative: bool, digits: String) -> String {
        let sign = match (is_negative, self.has_plus) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let digits = if self.is_grouped { grouped(&digits) } else { digits };
        let missing = if self.is_zero_padded { self.width.saturating_sub(sign.len() + digits.len()) } else { 0 };
        format!("{sign}{}{digits}", "0".repeat(missing))
    }

    fn padded(&self, text: String) -> String {
        let width = self.width;
        if self.is_left { format!("{text:<width$}") } else { format!("{text:>width$}") }
    }
}

/// `1234567.5` as `1,234,567.5`.
fn grouped(digits: &str) -> String {
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

fn pieces(pattern: &str) -> Result<Vec<Piece>> {
    let (mut pieces, mut rest, mut next) = (Vec::new(), pattern, 0);
    while let Some((before, behind)) = rest.split_once('%') {
        pieces.push(Piece::Text(before.to_owned()));
        let Some((piece, behind)) = piece(behind, &mut next) else {
            return exec_err!(
                "format: '%{behind}' does not begin with %s, %d, %x, %f, %n or %% and what Java allows before"
            );
        };
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

/// Reads what comes behind a `%`.
fn piece<'a>(text: &'a str, next: &mut usize) -> Option<(Piece, &'a str)> {
    let number = |text: &'a str| {
        let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        (digits.parse::<usize>().ok().filter(|number| *number <= 1000), rest)
    };
    let (argument, text) = match number(text) {
        (Some(argument), behind) if behind.starts_with('$') => (Some(argument.checked_sub(1)?), &behind[1..]),
        _ => (None, text),
    };
    let (flags, text) = text.split_at(text.find(|c| !"-0,+".contains(c))?);
    let (width, text) = number(text);
    let (precision, text) = match text.strip_prefix('.') {
        Some(text) => {
            let (precision, text) = number(text);
            (Some(precision?), text)
        }
        None => (None, text),
    };
    let conversion = text.chars().next()?;
    let rest = &text[conversion.len_utf8()..];
    let piece = match conversion {
        '%' => Piece::Text("%".to_owned()),
        'n' => Piece::Text("\n".to_owned()),
        's' | 'S' | 'd' | 'x' | 'X' | 'f' => Piece::Value(Place {
            argument: argument.unwrap_or_else(|| {
                *next += 1;
                *next - 1
            }),
            is_left: flags.contains('-'),
            is_zero_padded: flags.contains('0'),
            is_grouped: flags.contains(','),
            has_plus: flags.contains('+'),
            width: width.unwrap_or(0),
            precision,
            conversion,
        }),
        _ => return None,
    };
    Some((piece, rest))
}

/// `96` as `1 minute, 36 seconds`.
fn human_readable_seconds(call: &Call) -> Result<ArrayRef> {
    let seconds = cast(&call.array(0)?, &DataType::Float64)?;
    let seconds = seconds.as_primitive::<Float64Type>();
    call.build_texts(|row| {
        if seconds.is_null(row) {
            return Ok(None);
        }
        let value = seconds.value(row);
        if !value.is_finite() || value < 0.0 {
            return exec_err!("human_readable_seconds takes seconds from 0 on, not {value}");
        }
        let mut rest = value.round() as u64;
        let mut parts = Vec::new();
        for (unit, length) in [("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)] {
            let count = rest / length;
            rest %= length;
            if count > 0 || (length == 1 && parts.is_empty()) {
                parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
            }
        }
        Ok(Some(parts.join(", ")))
    })
}
