//! A flat view of the columns, in which members of structs can prune.
//!
//! DataFusion derives pruning predicates from plain columns only: `get_field(useridentity, 'arn') = 'x'` yields none.
//! So filters are rewritten for pruning (and only for pruning) as if the table had a column named
//! `useridentity.arn`, and the statistics in `file_pruning.rs` and `row_groups.rs` know such columns by that name.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, cast, or};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, conjunction_opt};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::scalar::ScalarValue;

use crate::columns::{ACCOUNTS, PATH, query_schema};
use crate::date_trunc::widen_truncated_times;
use crate::pages::PageFilter;

/// What may hold a row that passes all filters.
#[derive(Debug, Clone)]
pub(crate) struct PruningFilters {
    /// Decides files and row groups.
    pub(crate) predicate: Arc<PruningPredicate>,
    /// Decide pages, each by one struct member.
    pub(crate) pages: Vec<PageFilter>,
}

impl PruningFilters {
    /// `None` where nothing can be skipped. Filters that statistics cannot judge count as passed.
    pub(crate) fn try_new(session: &dyn Session, filters: &[Expr]) -> Result<Option<Self>> {
        let schema = DFSchema::try_from(flat_schema())?;
        let judged = filters.iter().flat_map(split_conjunction).filter_map(|filter| {
            let flat = flatten(widen_truncated_times(spread_account(filter))).ok()?;
            // An expression that cannot be planned over the flat columns says nothing about files.
            session.create_physical_expr(flat, &schema).ok()
        });
        let judged: Vec<Arc<dyn PhysicalExpr>> = judged.collect();
        let max_in_list_size = session.config_options().execution.parquet.max_in_list_size;
        let build = |filter: Arc<dyn PhysicalExpr>| {
            PruningPredicateBuilder::new()
                .with_file_schema(flat_schema())
                .with_max_in_list_size(max_in_list_size)
                .build(filter)
        };
        let page_filter = |filter: &Arc<dyn PhysicalExpr>| {
            let column = only_member(filter)?;
            Some(PageFilter { column, predicate: build(Arc::clone(filter))? })
        };
        let pages = judged.iter().filter_map(page_filter).collect();
        let predicate = conjunction_opt(judged).and_then(build);
        Ok(predicate.map(|predicate| Self { predicate, pages }))
    }
}

/// The flat name of the struct member that a filter is about, if it is about nothing else.
fn only_member(filter: &Arc<dyn PhysicalExpr>) -> Option<String> {
    let columns = collect_columns(filter);
    let mut names = columns.iter().map(|column| column.name());
    let name = names.next()?;
    (names.next().is_none() && name.contains('.')).then(|| name.to_owned())
}

/// The columns of a query, followed by every text, time or boolean member of a struct under its dotted name.
pub(crate) fn flat_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let columns = query_schema();
        let mut fields: Vec<FieldRef> = columns.fields().iter().cloned().collect();
        for column in columns.fields() {
            if let DataType::Struct(members) = column.data_type() {
                push_members(column.name(), members, &mut fields);
            }
        }
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// Lists and maps are left out: statistics of their leaves are not about rows.
fn push_members(prefix: &str, members: &Fields, fields: &mut Vec<FieldRef>) {
    for member in members {
        let name = format!("{prefix}.{}", member.name());
        match member.data_type() {
            DataType::Struct(inner) => push_members(&name, inner, fields),
            data_type if data_type.is_nested() => {}
            data_type => fields.push(Arc::new(Field::new(name, data_type.clone(), true))),
        }
    }
}

/// Replaces `account` by what it is computed from, as far as pruning needs it.
///
/// `account` is the first non-null of two columns, hence always equal to one of them: where `f(account)` holds,
/// `f(recipientaccountid)` or `f(useridentity.accountid)` holds too.
fn spread_account(filter: &Expr) -> Expr {
    let is_account = |column: &Column| ACCOUNTS.contains(&column.name.as_str());
    if !filter.column_refs().into_iter().any(is_account) {
        return filter.clone();
    }
    let instead = |replacement: Expr| {
        let swap = |expr: Expr| match &expr {
            Expr::Column(column) if is_account(column) => Ok(Transformed::yes(replacement.clone())),
            _ => Ok(Transformed::no(expr)),
        };
        // The closure never fails, and without a change the filter stands as it is.
        filter.clone().transform_up(swap).map_or_else(|_| filter.clone(), |done| done.data)
    };
    let caller = cast(flat_column("useridentity.accountid".to_owned()), DataType::Utf8View);
    or(instead(flat_column("recipientaccountid".to_owned())), instead(caller))
}

/// Rewrites member accesses and `"$path"` to flat columns.
fn flatten(filter: Expr) -> Result<Expr> {
    let rewritten = filter.transform_down(|expr| {
        if let Expr::Column(column) = &expr
            && column.name == PATH
        {
            return Ok(Transformed::new(flat_column("sourcefile".to_owned()), true, TreeNodeRecursion::Jump));
        }
        match member_path(&expr) {
            Some(path) if path.contains('.') && flat_schema().index_of(&path).is_ok() => {
                Ok(Transformed::new(flat_column(path), true, TreeNodeRecursion::Jump))
            }
            _ => Ok(Transformed::no(expr)),
        }
    })?;
    Ok(rewritten.data)
}

/// `useridentity.sessioncontext.sourceidentity` for nested or many-armed `get_field` calls on a column.
fn member_path(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        Expr::ScalarFunction(call) if call.name() == "get_field" => {
            let (base, members) = call.args.split_first()?;
            members
                .iter()
                .try_fold(member_path(base)?, |path, member| Some(format!("{path}.{}", literal_text(member)?)))
        }
        _ => None,
    }
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text), _) => {
            text.as_deref()
        }
        _ => None,
    }
}

fn flat_column(name: String) -> Expr {
    Expr::Column(Column::from_name(name))
}
