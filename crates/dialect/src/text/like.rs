//! Patterns of `LIKE`: Trino escapes with the character that `ESCAPE` names and with nothing else, DataFusion always
//! with a backslash.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use crate::function::{Call, Function, Kind, Returns};

/// `like_pattern(pattern, escape)`: [`escaped_pattern`] for patterns that are no literals.
pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let pattern = Function::new("like_pattern", &[Kind::Text, Kind::Text], Returns::Type(DataType::Utf8), kernel);
    vec![pattern.optional_after(1).udf()]
}

fn kernel(call: &Call) -> Result<ArrayRef> {
    let (patterns, escapes) = (call.texts(0)?, call.optional_texts(1)?);
    call.build_texts(|row| {
        let escape = escapes.and_then(|escapes| escapes.get(row)).and_then(|escape| escape.chars().next());
        patterns.get(row).map(|pattern| escaped_pattern(pattern, escape)).transpose()
    })
}

/// Spells a pattern with backslashes for the escape character.
pub(crate) fn escaped_pattern(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            match chars.next() {
                Some(next) if matches!(next, '%' | '_') => out.extend(['\\', next]),
                Some('\\') if escape == Some('\\') => out.push_str("\\\\"),
                Some(next) if Some(next) == escape => out.push(next),
                _ => return exec_err!("the escape character of LIKE has to be followed by '%', '_' or itself"),
            }
        } else if c == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn escapes_with_the_named_character_only() {
        assert_eq!(escaped_pattern(r"a\b%", None).unwrap(), r"a\\b%");
        assert_eq!(escaped_pattern("50!%!_!!%", Some('!')).unwrap(), r"50\%\_!%");
        assert_eq!(escaped_pattern(r"a\_b\\", Some('\\')).unwrap(), r"a\_b\\");
        assert!(escaped_pattern("a!b", Some('!')).is_err());
    }
}
