//! The expressions of a `SELECT` or a condition itself, without those of the queries within.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, VisitMut, VisitorMut};

use super::fold;

/// Changes each expression after its parts, but for names that are a lambda's parameters.
pub(super) fn change_own_exprs<T: VisitMut>(node: &mut T, change: impl FnMut(&mut Expr)) {
    let _ = node.visit(&mut OwnExprs { change, depth: 0, parameters: Vec::new() });
}

struct OwnExprs<F> {
    change: F,
    /// Queries around.
    depth: usize,
    /// Parameters of the lambdas around, innermost last.
    parameters: Vec<Vec<String>>,
}

impl<F> OwnExprs<F> {
    fn is_parameter(&self, expr: &Expr) -> bool {
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(names) => names.first(),
            _ => None,
        };
        name.is_some_and(|name| self.parameters.iter().flatten().any(|one| *one == fold(name)))
    }
}

impl<F: FnMut(&mut Expr)> VisitorMut for OwnExprs<F> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Lambda(lambda) = expr {
            self.parameters.push(lambda.params.iter().map(|parameter| fold(&parameter.name)).collect());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Lambda(_)) {
            self.parameters.pop();
        }
        if self.depth == 0 && !self.is_parameter(expr) {
            (self.change)(expr);
        }
        ControlFlow::Continue(())
    }
}
