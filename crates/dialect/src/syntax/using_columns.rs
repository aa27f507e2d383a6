//! `FROM a JOIN b USING (id) WHERE id = 7`: DataFusion takes the column of both for an ambiguous one in `WHERE`, though
//! not elsewhere; there it becomes the column of a side that has its value.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, Select, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use super::calls::call;
use super::fold;
use super::own_exprs::change_own_exprs;
use super::wildcard::{constraint, last_name};

/// Qualifies such columns.
pub(super) fn qualify_using_columns<T: VisitMut>(node: &mut T) {
    let _ = node.visit(&mut Selects);
}

struct Selects;

impl VisitorMut for Selects {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut columns = HashMap::new();
        select.from.iter().for_each(|table| add_columns(table, &mut columns));
        if let Some(condition) = select.selection.as_mut().filter(|_| !columns.is_empty()) {
            change_own_exprs(condition, |expr| {
                if let Expr::Identifier(name) = expr
                    && let Some(column) = columns.get(&fold(name))
                {
                    *expr = column.clone();
                }
            });
        }
        ControlFlow::Continue(())
    }
}

/// Finds what each column of a `USING` is.
fn add_columns(table: &TableWithJoins, columns: &mut HashMap<String, Expr>) {
    for (at, join) in table.joins.iter().enumerate() {
        let Some(JoinConstraint::Using(names)) = constraint(&join.join_operator) else { continue };
        let left = if at == 0 { name(&table.relation) } else { None };
        let right = name(&join.relation);
        for column in names.iter().filter_map(last_name) {
            let of = |relation: &Option<Ident>| {
                let relation = relation.clone()?;
                Some(Expr::CompoundIdentifier(vec![relation, Ident::new(&column)]))
            };
            // The left side has the value unless there may be none.
            let left = columns.get(&column).cloned().or_else(|| of(&left));
            let value = match &join.join_operator {
                JoinOperator::Join(_)
                | JoinOperator::Inner(_)
                | JoinOperator::Right(_)
                | JoinOperator::RightOuter(_) => of(&right),
                JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => left,
                JoinOperator::FullOuter(_) => {
                    left.zip(of(&right)).map(|(left, right)| call("coalesce", vec![left, right]))
                }
                _ => None,
            };
            match value {
                Some(value) => columns.insert(column, value),
                None => columns.remove(&column),
            };
        }
    }
}

/// What a relation is called.
fn name(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()).cloned(),
        _ => None,
    }
}
