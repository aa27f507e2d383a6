//! `SELECT *` without the virtual columns.
//!
//! `eventjson`, `year`, `"$path"` and their kin are there for whoever names them; a `*` means what is stored. The
//! providers' schemas have them, so `*` over such a *wide* relation becomes `* EXCLUDE (…)`, or, where relations are
//! joined, `a.* EXCLUDE (…), b.*`, so that no column of another relation falls by its name.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions, With,
};

use super::fold;

/// Relations that have virtual columns, by lower-case name, with these columns.
pub type WideRelations = HashMap<String, Vec<String>>;

/// Rewrites every `*` of a statement or query that stands for a wide relation.
pub(crate) fn exclude_virtual_columns<T: VisitMut>(node: &mut T, wide: &WideRelations) {
    let mut rewriter = WildcardRewriter { wide, shadowed: Vec::new(), withs: Vec::new() };
    let _ = node.visit(&mut rewriter);
}

struct WildcardRewriter<'a> {
    wide: &'a WideRelations,
    /// Names of the common table expressions in scope.
    shadowed: Vec<String>,
    /// `WITH` clauses already rewritten, kept out of the visitor's way until their query is done.
    withs: Vec<(Option<With>, usize)>,
}

impl VisitorMut for WildcardRewriter<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let depth = self.shadowed.len();
        let mut with = query.with.take();
        if let Some(with) = &mut with {
            for cte in &mut with.cte_tables {
                let name = fold(&cte.alias.name);
                // Only a recursive expression sees itself; otherwise the name still means the table.
                if with.recursive {
                    self.shadowed.push(name);
                    let _ = cte.query.visit(self);
                } else {
                    let _ = cte.query.visit(self);
                    self.shadowed.push(name);
                }
            }
        }
        self.withs.push((with, depth));
        self.rewrite_body(&mut query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some((with, depth)) = self.withs.pop() {
            query.with = with;
            self.shadowed.truncate(depth);
        }
        ControlFlow::Continue(())
    }
}

impl WildcardRewriter<'_> {
    fn rewrite_body(&self, body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => self.rewrite_select(select),
            SetExpr::SetOperation { left, right, .. } => {
                self.rewrite_body(left);
                self.rewrite_body(right);
            }
            // A nested query is visited by itself; the rest holds no `*`.
            _ => {}
        }
    }

    fn rewrite_select(&self, select: &mut Select) {
        let Some(relations) = self.visible_relations(&select.from) else {
            return self.rewrite_opaque(select);
        };
        if relations.iter().all(|relation| relation.virtual_columns.is_empty()) {
            for item in &mut select.projection {
                fold_user_excludes(item);
            }
            return;
        }
        let items = std::mem::take(&mut select.projection);
        for mut item in items {
            fold_user_excludes(&mut item);
            match item {
                SelectItem::Wildcard(options) if relations.len() == 1 => {
                    let columns = relations[0].hidden();
                    select.projection.push(SelectItem::Wildcard(with_excluded(options, &columns)));
                }
                SelectItem::Wildcard(options) if is_plain(&options) => {
                    select.projection.extend(relations.iter().map(|relation| {
                        let kind = SelectItemQualifiedWildcardKind::ObjectName(relation.qualifier.clone());
                        SelectItem::QualifiedWildcard(kind, with_excluded(options.clone(), &relation.hidden()))
                    }));
                }
                SelectItem::Wildcard(options) => {
                    let columns: Vec<_> = relations.iter().flat_map(Visible::hidden).collect();
                    select.projection.push(SelectItem::Wildcard(with_excluded(options, &columns)));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let relation = relations.iter().find(|relation| same_relation(&relation.qualifier, &name));
                    let columns = relation.map(|relation| relation.virtual_columns.to_vec()).unwrap_or_default();
                    let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
                    select.projection.push(SelectItem::QualifiedWildcard(kind, with_excluded(options, &columns)));
                }
                other => select.projection.push(other),
            }
        }
    }

    /// Handles a `FROM` with a relation that cannot be named: only if one wide relation is in it is `*` plain enough.
    fn rewrite_opaque(&self, select: &mut Select) {
        let factors = select
            .from
            .iter()
            .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
        let wide: Vec<_> = factors.filter_map(|factor| self.virtual_columns(factor)).collect();
        let [columns] = wide.as_slice() else { return };
        let columns = columns.to_vec();
        for item in &mut select.projection {
            fold_user_excludes(item);
            if let SelectItem::Wildcard(options) = item {
                *options = with_excluded(std::mem::take(options), &columns);
            }
        }
    }

    /// Lists the relations that `*` expands to; `None` if one of them has no name to call it by.
    fn visible_relations(&self, from: &[TableWithJoins]) -> Option<Vec<Visible>> {
        let mut relations = Vec::new();
        for table in from {
            let mut group = vec![self.visible(&table.relation)?];
            for join in &table.joins {
                self.add_join(&mut group, join)?;
            }
            relations.append(&mut group);
        }
        Some(relations)
    }

    fn add_join(&self, group: &mut Vec<Visible>, join: &Join) -> Option<()> {
        use JoinOperator as Op;
        let mut right = self.visible(&join.relation)?;
        match &join.join_operator {
            Op::LeftSemi(_) | Op::Semi(_) | Op::LeftAnti(_) | Op::Anti(_) => return Some(()),
            Op::RightSemi(_) | Op::RightAnti(_) => group.clear(),
            operator => match constraint(operator)? {
                JoinConstraint::Natural => return None,
                JoinConstraint::Using(names) => right.merged = names.iter().filter_map(last_name).collect(),
                JoinConstraint::On(_) | JoinConstraint::None => {}
            },
        }
        group.push(right);
        Some(())
    }

    fn visible(&self, factor: &TableFactor) -> Option<Visible> {
        let qualifier = match factor {
            TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
                ObjectName::from(vec![alias.name.clone()])
            }
            TableFactor::Table { name, .. } => name.clone(),
            _ => return None,
        };
        let virtual_columns = self.virtual_columns(factor).unwrap_or_default().to_vec();
        Some(Visible { qualifier, virtual_columns, merged: Vec::new() })
    }

    fn virtual_columns(&self, factor: &TableFactor) -> Option<&[String]> {
        let TableFactor::Table { name, args: None, alias, .. } = factor else { return None };
        // `AS t(a, b)` renames the columns by position.
        if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
            return None;
        }
        let table = last_name(name)?;
        if name.0.len() == 1 && self.shadowed.contains(&table) {
            return None;
        }
        self.wide.get(&table).map(Vec::as_slice)
    }
}

/// A relation that `*` shows.
struct Visible {
    qualifier: ObjectName,
    virtual_columns: Vec<String>,
    /// Columns that `USING` shows once, from the left side.
    merged: Vec<String>,
}

impl Visible {
    fn hidden(&self) -> Vec<String> {
        self.virtual_columns.iter().chain(&self.merged).cloned().collect()
    }
}

/// What rows have to meet in a join that gives the columns of both sides.
pub(super) fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    use JoinOperator as Op;
    match operator {
        Op::Join(constraint)
        | Op::Inner(constraint)
        | Op::Left(constraint)
        | Op::LeftOuter(constraint)
        | Op::Right(constraint)
        | Op::RightOuter(constraint)
        | Op::FullOuter(constraint)
        | Op::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

pub(super) fn last_name(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(fold)
}

fn same_relation(left: &ObjectName, right: &ObjectName) -> bool {
    let parts = |name: &ObjectName| name.0.iter().filter_map(|part| part.as_ident()).map(fold).collect::<Vec<_>>();
    let (left, right) = (parts(left), parts(right));
    left.ends_with(&right) || right.ends_with(&left)
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    let WildcardAdditionalOptions { opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, .. } = options;
    opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
}

/// Adds `columns` to what the user excludes already.
fn with_excluded(mut options: WildcardAdditionalOptions, columns: &[String]) -> WildcardAdditionalOptions {
    let mut names = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    let mut taken: Vec<String> = names.iter().filter_map(last_name).collect();
    if let Some(except) = &options.opt_except {
        taken.extend(std::iter::once(&except.first_element).chain(&except.additional_elements).map(fold));
    }
    for column in columns {
        if !taken.contains(column) {
            taken.push(column.clone());
            names.push(ObjectName::from(vec![Ident::with_quote('"', column)]));
        }
    }
    options.opt_exclude = (!names.is_empty()).then_some(ExcludeSelectItem::Multiple(names));
    options
}

/// Lower-cases unquoted names in the user's `EXCLUDE` and `EXCEPT`, which DataFusion takes as written.
fn fold_user_excludes(item: &mut SelectItem) {
    let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { return };
    let fold_in_place = |ident: &mut Ident| ident.value = fold(ident);
    match &mut options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => fold_name(name),
        Some(ExcludeSelectItem::Multiple(names)) => names.iter_mut().for_each(fold_name),
        None => {}
    }
    if let Some(except) = &mut options.opt_except {
        fold_in_place(&mut except.first_element);
        except.additional_elements.iter_mut().for_each(fold_in_place);
    }
}

fn fold_name(name: &mut ObjectName) {
    if let Some(ident) = name.0.first().and_then(|part| part.as_ident()) {
        *name = ObjectName::from(vec![Ident { value: fold(ident), ..ident.clone() }]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn rewrite(sql: &str) -> String {
        let wide = WideRelations::from([("logs".to_owned(), vec!["year".to_owned(), "$path".to_owned()])]);
        let mut statement = Parser::parse_sql(&GenericDialect {}, sql).unwrap().remove(0);
        exclude_virtual_columns(&mut statement, &wide);
        statement.to_string()
    }

    #[test]
    fn excludes_from_a_single_relation() {
        assert_eq!(rewrite("SELECT * FROM logs"), r#"SELECT * EXCLUDE ("year", "$path") FROM logs"#);
        assert_eq!(rewrite("SELECT * FROM LOGS AS l"), r#"SELECT * EXCLUDE ("year", "$path") FROM LOGS AS l"#);
        assert_eq!(rewrite("SELECT *, year FROM logs"), r#"SELECT * EXCLUDE ("year", "$path"), year FROM logs"#);
        assert_eq!(rewrite("SELECT * EXCLUDE (Year) FROM logs"), r#"SELECT * EXCLUDE (year, "$path") FROM logs"#);
    }

    #[test]
    fn leaves_other_relations_alone() {
        for sql in ["SELECT * FROM other", "SELECT count(*) FROM logs", "SELECT * FROM (SELECT 1 AS year) AS logs"] {
            assert_eq!(rewrite(sql), sql);
        }
    }

    #[test]
    fn names_each_side_of_a_join() {
        assert_eq!(
            rewrite("SELECT * FROM logs JOIN o ON logs.a = o.a"),
            r#"SELECT logs.* EXCLUDE ("year", "$path"), o.* FROM logs JOIN o ON logs.a = o.a"#
        );
        assert_eq!(
            rewrite("SELECT * FROM logs AS a JOIN logs AS b USING(id)"),
            r#"SELECT a.* EXCLUDE ("year", "$path"), b.* EXCLUDE ("year", "$path", "id") FROM logs AS a JOIN logs AS b USING(id)"#
        );
        assert_eq!(
            rewrite("SELECT b.* FROM o AS a, logs AS b"),
            r#"SELECT b.* EXCLUDE ("year", "$path") FROM o AS a, logs AS b"#
        );
    }

    #[test]
    fn knows_what_a_common_table_expression_hides() {
        assert_eq!(
            rewrite("WITH logs AS (SELECT * FROM logs) SELECT * FROM logs"),
            r#"WITH logs AS (SELECT * EXCLUDE ("year", "$path") FROM logs) SELECT * FROM logs"#
        );
    }

    #[test]
    fn reaches_subqueries_views_and_set_operations() {
        assert_eq!(
            rewrite("CREATE VIEW v AS SELECT * FROM (SELECT * FROM logs) AS x UNION ALL SELECT * FROM logs"),
            r#"CREATE VIEW v AS SELECT * FROM (SELECT * EXCLUDE ("year", "$path") FROM logs) AS x UNION ALL SELECT * EXCLUDE ("year", "$path") FROM logs"#
        );
    }
}
