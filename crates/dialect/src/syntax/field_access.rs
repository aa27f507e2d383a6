//! Members after subscripts, and subscripts after members: `resources[1].arn`,
//! `useridentity.sessioncontext.webidfederationdata.attributes['sub']`.
//!
//! The parser gives a chain of dots and brackets whenever a bracket is in it. DataFusion takes a name with dots as a
//! column with members, but no dots in a chain; so leading dots join the name, and later ones become brackets.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Ident, Subscript, Value, VisitMut, VisitorMut};

use super::fold;

/// Rewrites the chains of a statement or query.
pub(crate) fn settle_field_access<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut ChainRewriter);
}

struct ChainRewriter;

impl VisitorMut for ChainRewriter {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundFieldAccess { root, access_chain } => {
                join_leading_dots(root, access_chain);
                access_chain.iter_mut().for_each(dot_to_bracket);
            }
            Expr::Lambda(lambda) => {
                let parameters = lambda.params.iter().map(|parameter| fold(&parameter.name)).collect();
                let _ = lambda.body.visit(&mut ParameterMembers { parameters });
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Takes `x.name` in a lambda of `x` for a member of `x`, and for no column of a table.
struct ParameterMembers {
    parameters: Vec<String>,
}

impl VisitorMut for ParameterMembers {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundFieldAccess { root, access_chain } = expr
            && let Some((parameter, mut chain)) = self.members(root)
        {
            chain.append(access_chain);
            (**root, *access_chain) = (parameter, chain);
        } else if let Some((parameter, access_chain)) = self.members(expr) {
            *expr = Expr::CompoundFieldAccess { root: Box::new(parameter), access_chain };
        }
        ControlFlow::Continue(())
    }
}

impl ParameterMembers {
    fn members(&self, expr: &Expr) -> Option<(Expr, Vec<AccessExpr>)> {
        let Expr::CompoundIdentifier(names) = expr else { return None };
        let (parameter, members) = names.split_first()?;
        let mut chain: Vec<AccessExpr> =
            members.iter().map(|name| AccessExpr::Dot(Expr::Identifier(name.clone()))).collect();
        chain.iter_mut().for_each(dot_to_bracket);
        self.parameters.contains(&fold(parameter)).then(|| (Expr::Identifier(parameter.clone()), chain))
    }
}

fn join_leading_dots(root: &mut Box<Expr>, chain: &mut Vec<AccessExpr>) {
    let mut names = match root.as_ref() {
        Expr::Identifier(name) => vec![name.clone()],
        Expr::CompoundIdentifier(names) => names.clone(),
        _ => return,
    };
    let leading = chain.iter().map_while(member).cloned().collect::<Vec<_>>();
    if leading.is_empty() {
        return;
    }
    chain.drain(..leading.len());
    names.extend(leading);
    **root = Expr::CompoundIdentifier(names);
}

fn member(access: &AccessExpr) -> Option<&Ident> {
    match access {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(name),
        _ => None,
    }
}

fn dot_to_bracket(access: &mut AccessExpr) {
    if let Some(name) = member(access) {
        let key = Value::SingleQuotedString(fold(name));
        *access = AccessExpr::Subscript(Subscript::Index { index: Expr::Value(key.into()) });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn rewrite(sql: &str) -> String {
        let mut statement = Parser::parse_sql(&GenericDialect {}, sql).unwrap().remove(0);
        settle_field_access(&mut statement);
        statement.to_string()
    }

    #[test]
    fn gives_members_of_elements() {
        assert_eq!(rewrite("SELECT resources[1].ARN FROM t"), "SELECT resources[1]['arn'] FROM t");
        assert_eq!(rewrite("SELECT f(x)[2].a.b"), "SELECT f(x)[2]['a']['b']");
    }

    #[test]
    fn gives_elements_of_members() {
        assert_eq!(rewrite("SELECT a.b.c['k'] FROM t"), "SELECT a.b.c['k'] FROM t");
        let mut statement = Parser::parse_sql(&GenericDialect {}, "SELECT a.b.c['k']").unwrap().remove(0);
        settle_field_access(&mut statement);
        assert!(format!("{statement:?}").contains("CompoundIdentifier"));
    }
}
