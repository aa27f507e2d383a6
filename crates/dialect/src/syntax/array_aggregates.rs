//! Aggregates over the elements of an array, as functions of the array; see [`super::correlated_unnest`].

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, ExactNumberInfo, Expr, Function, FunctionArgumentClause,
    FunctionArguments, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens, OrderByExpr,
    OrderByOptions, Value,
};

use super::calls::{binary, call, cast, if_else, lambda, name, number, plain_args, text};
use super::correlated_unnest::Elements;

/// What an aggregate over the elements is as a function of their array; `None` where there is no such function.
pub(super) fn aggregate(elements: &Elements, function: &Function) -> Option<Expr> {
    if function.over.is_some() || function.null_treatment.is_some() {
        return None;
    }
    let filtered;
    let elements = match &function.filter {
        Some(condition) => {
            filtered = elements.only(condition);
            &filtered
        }
        None => elements,
    };
    let form = Form::of(function)?;
    let args = plain_args(function);
    match (name(function).as_str(), args.as_deref()) {
        ("count", None) => Some(count(elements.array.clone())),
        ("count", Some([])) => Some(count(elements.array.clone())),
        ("count", Some([Expr::Value(_)])) if !form.is_distinct => Some(count(elements.array.clone())),
        ("count", Some([value])) => Some(count(form.values(elements, value))),
        ("approx_distinct", Some([value])) => Some(count(distinct(present(elements.each(value))))),
        ("count_if", Some([condition])) => Some(count(elements.only(condition).array)),
        ("max", Some([value])) => Some(call("list_max", vec![elements.each(value)])),
        ("min", Some([value])) => Some(call("list_min", vec![elements.each(value)])),
        ("sum", Some([value])) => Some(sum(form.values(elements, value))),
        ("avg", Some([value])) => Some(mean(form.values(elements, value))),
        ("bool_or", Some([value])) => Some(if_any(present(elements.each(value)), |values| has(values, true))),
        ("bool_and" | "every", Some([value])) => {
            let has_none = |values| binary(&has(values, false), BinaryOperator::Eq, &boolean(false));
            Some(if_any(present(elements.each(value)), has_none))
        }
        ("arbitrary" | "any_value", Some([value])) => {
            Some(call("element_at", vec![present(elements.each(value)), number(1)]))
        }
        ("array_agg", Some([value])) => {
            let values = form.all(elements.each(value), value)?;
            Some(if_any(values, |values| values))
        }
        ("set_agg", Some([value])) => Some(if_any(distinct(elements.each(value)), |values| values)),
        ("listagg" | "string_agg", Some([value, rest @ ..])) => {
            let separator = rest.first().cloned().unwrap_or_else(|| text(""));
            let values = form.all(present(elements.each(&cast(value, DataType::Varchar(None)))), value)?;
            Some(if_any(values, |values| call("array_join", vec![values, separator])))
        }
        _ => None,
    }
}

/// `DISTINCT` and `ORDER BY` of an aggregate.
struct Form {
    is_distinct: bool,
    order: Option<OrderByExpr>,
}

impl Form {
    fn of(function: &Function) -> Option<Self> {
        let FunctionArguments::List(list) = &function.args else { return None };
        let mut keys = function.within_group.clone();
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => keys.extend(order.iter().cloned()),
                FunctionArgumentClause::OnOverflow(_) => {}
                _ => return None,
            }
        }
        let is_distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        (keys.len() < 2).then(|| Self { is_distinct, order: keys.pop() })
    }

    /// The values that are not NULL.
    fn values(&self, elements: &Elements, value: &Expr) -> Expr {
        let values = present(elements.each(value));
        if self.is_distinct { distinct(values) } else { values }
    }

    /// The values in their order, which has to be by themselves.
    fn all(&self, values: Expr, value: &Expr) -> Option<Expr> {
        let values = if self.is_distinct { distinct(values) } else { values };
        match &self.order {
            None => Some(values),
            Some(key) if key.expr.to_string() == value.to_string() => Some(sorted(values, &key.options)),
            Some(_) => None,
        }
    }
}

/// An array in the order of its elements.
pub(super) fn sorted(values: Expr, options: &OrderByOptions) -> Expr {
    let direction = text(if options.asc == Some(false) { "DESC" } else { "ASC" });
    let nulls = text(if options.nulls_first == Some(true) { "NULLS FIRST" } else { "NULLS LAST" });
    call("array_sort", vec![values, direction, nulls])
}

fn count(array: Expr) -> Expr {
    call("coalesce", vec![call("cardinality", vec![array]), number(0)])
}

fn present(values: Expr) -> Expr {
    let is_there = Expr::IsNotNull(Box::new(Expr::Identifier(Ident::new("v"))));
    call("filter", vec![values, lambda("v", is_there)])
}

fn distinct(values: Expr) -> Expr {
    call("array_distinct", vec![values])
}

fn boolean(value: bool) -> Expr {
    Expr::Value(Value::Boolean(value).into())
}

fn has(values: Expr, value: bool) -> Expr {
    call("contains", vec![values, boolean(value)])
}

/// NULL of no values.
fn if_any(values: Expr, then: impl FnOnce(Expr) -> Expr) -> Expr {
    let has_some = binary(&call("cardinality", vec![values.clone()]), BinaryOperator::Gt, &number(0));
    if_else(&has_some, &then(values), None)
}

/// Starts with the first value, so that the sum has the values' type.
fn sum(values: Expr) -> Expr {
    let length = call("cardinality", vec![values.clone()]);
    let others = call("array_slice", vec![values.clone(), number(2), length]);
    let first = call("element_at", vec![values, number(1)]);
    let [state, value] = ["s", "v"].map(|name| Expr::Identifier(Ident::new(name)));
    let step = lambda_of(&["s", "v"], binary(&state, BinaryOperator::Plus, &value));
    call("reduce", vec![others, first, step, lambda("s", state)])
}

fn mean(values: Expr) -> Expr {
    let double = |value: &Expr| cast(value, DataType::Double(ExactNumberInfo::None));
    let length = call("cardinality", vec![values.clone()]);
    binary(&double(&sum(values)), BinaryOperator::Divide, &double(&length))
}

fn lambda_of(parameters: &[&str], body: Expr) -> Expr {
    let parameter = |name: &&str| LambdaFunctionParameter { name: Ident::new(*name), data_type: None };
    Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::Many(parameters.iter().map(parameter).collect()),
        body: Box::new(body),
        syntax: LambdaSyntax::Arrow,
    })
}
