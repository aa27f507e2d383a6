//! The members of an expression that is a row, where they are known before planning.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value, ValueWithSpan,
};

use super::calls::name;
use super::fold;
use super::relations::Relation;

/// The names of a row's members; `None` for what is no row, or one whose members only its type tells.
pub(super) fn members(
    expr: &Expr,
    relations: &[Relation],
    own_rows: &HashMap<String, Vec<String>>,
) -> Option<Vec<String>> {
    match expr {
        Expr::Nested(inner) => members(inner, relations, own_rows),
        Expr::Cast { data_type: DataType::Struct(fields, _), .. } => {
            fields.iter().map(|field| field.field_name.as_ref().map(fold)).collect()
        }
        Expr::Dictionary(fields) => Some(fields.iter().map(|field| key(&field.key)).collect()),
        Expr::Function(function) => {
            let FunctionArguments::List(list) = &function.args else { return None };
            match name(function).as_str() {
                "row" => Some((0..list.args.len()).map(|place| format!("c{place}")).collect()),
                "struct_pack" => list.args.iter().map(argument_name).collect(),
                "named_struct" => list.args.iter().step_by(2).map(literal_name).collect(),
                _ => None,
            }
        }
        Expr::Identifier(name) => members_of_path(std::slice::from_ref(name), relations, own_rows),
        Expr::CompoundIdentifier(names) => members_of_path(names, relations, own_rows),
        _ => None,
    }
}

/// The members of a column that is a row, or of a row within it.
fn members_of_path(
    path: &[Ident],
    relations: &[Relation],
    own_rows: &HashMap<String, Vec<String>>,
) -> Option<Vec<String>> {
    let names: Vec<String> = path.iter().map(fold).collect();
    let is_named = |relation: &&Relation| relation.name.as_ref().map(fold).as_ref() == names.first();
    let (candidates, column): (Vec<&Relation>, &[String]) = match relations.iter().find(is_named) {
        Some(relation) if names.len() > 1 => (vec![relation], &names[1..]),
        _ => (relations.iter().collect(), &names),
    };
    let made = || candidates.iter().find_map(|relation| relation.rows.get(column.first()?)).cloned();
    match column {
        [_] => made().or_else(|| own_rows.get(&column.join(".").to_lowercase()).cloned()),
        _ => own_rows.get(&column.join(".").to_lowercase()).cloned(),
    }
}

/// A key of `{'a': 1}`, whose quotes make it no other name.
fn key(key: &Ident) -> String {
    match key.quote_style {
        Some(_) => key.value.clone(),
        None => fold(key),
    }
}

fn argument_name(argument: &FunctionArg) -> Option<String> {
    match argument {
        FunctionArg::Named { name, .. } => Some(fold(name)),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) => Some(fold(name)),
        _ => None,
    }
}

fn literal_name(argument: &FunctionArg) -> Option<String> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(ValueWithSpan {
            value: Value::SingleQuotedString(text),
            ..
        }))) => Some(text.clone()),
        _ => None,
    }
}
