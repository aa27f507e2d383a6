//! `LIKE` without an escape character unless `ESCAPE` names one.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Value, ValueWithSpan, VisitMut, VisitorMut};

use super::calls::call;
use crate::text::escaped_pattern;

/// Spells the patterns of a statement as DataFusion reads them, with a backslash as the escape character.
pub(super) fn settle_patterns<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Patterns);
}

struct Patterns;

impl VisitorMut for Patterns {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } = expr {
            settle(pattern, escape_char);
        }
        ControlFlow::Continue(())
    }
}

fn settle(pattern: &mut Box<Expr>, escape: &mut Option<ValueWithSpan>) {
    let named = escape.as_ref().and_then(|escape| match &escape.value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    });
    let character = named.as_deref().and_then(|text| text.chars().next());
    if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = pattern.as_mut()
        && let Ok(escaped) = escaped_pattern(text, character)
    {
        *text = escaped;
    } else {
        // A pattern that is wrong says so when it is read.
        let mut args = vec![std::mem::replace(pattern.as_mut(), Expr::Value(Value::Null.into()))];
        args.extend(named.map(|text| Expr::Value(Value::SingleQuotedString(text).into())));
        **pattern = call("like_pattern", args);
    }
    *escape = None;
}
