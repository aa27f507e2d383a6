//! Casts of rows, also in arrays and maps, whose members are taken by their places:
//! `CAST(zip(a, b) AS ARRAY(ROW(x bigint, y varchar)))`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Fields};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Says whether a cast gives rows, or those in an array or a map, new names, which Arrow's casts go by.
pub(crate) fn renames_rows(given: &DataType, wanted: &DataType) -> bool {
    match (given, wanted) {
        (DataType::Struct(given), DataType::Struct(wanted)) => have_new_names(given, wanted),
        (DataType::List(given), DataType::List(wanted)) | (DataType::Map(given, _), DataType::Map(wanted, _)) => {
            renames_rows(given.data_type(), wanted.data_type())
        }
        _ => false,
    }
}

fn have_new_names(given: &Fields, wanted: &Fields) -> bool {
    let is_new = |(given, wanted): (&FieldRef, &FieldRef)| {
        given.name() != wanted.name() || renames_rows(given.data_type(), wanted.data_type())
    };
    given.len() == wanted.len() && given.iter().zip(wanted).any(is_new)
}

/// A cast to the type of `target`, members by their places.
pub(crate) fn row_cast(rows: Expr, target: FieldRef, is_safe: bool) -> Expr {
    let function =
        ScalarUDF::new_from_impl(RowCast { target, is_safe, signature: Signature::any(1, Volatility::Immutable) });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![rows]))
}

#[derive(Debug, PartialEq, Eq)]
struct RowCast {
    target: FieldRef,
    is_safe: bool,
    signature: Signature,
}

impl Hash for RowCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.target.hash(state);
        self.is_safe.hash(state);
    }
}

impl ScalarUDFImpl for RowCast {
    fn name(&self) -> &str {
        "row_cast"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.target.data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(self.target.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.args[0].to_array(args.number_rows)?;
        let options = CastOptions { safe: self.is_safe, ..CastOptions::default() };
        by_place(&rows, self.target.data_type(), &options).map(ColumnarValue::Array)
    }
}

fn by_place(array: &ArrayRef, target: &DataType, options: &CastOptions<'_>) -> Result<ArrayRef> {
    let nulls = || array.nulls().cloned();
    match (array.data_type(), target) {
        (DataType::List(_), DataType::List(item)) => {
            let lists = array.as_list::<i32>();
            let items = by_place(lists.values(), item.data_type(), options)?;
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), lists.offsets().clone(), items, nulls())?))
        }
        (DataType::Map(..), DataType::Map(field, is_sorted)) => {
            let maps = array.as_map();
            let entries: ArrayRef = Arc::new(maps.entries().clone());
            let entries = by_place(&entries, field.data_type(), options)?.as_struct().clone();
            let offsets = maps.offsets().clone();
            Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, nulls(), *is_sorted)?))
        }
        (DataType::Struct(given), DataType::Struct(fields)) => {
            if given.len() != fields.len() {
                return exec_err!("a row of {} members is cast to one of {}", given.len(), fields.len());
            }
            let columns = array.as_struct().columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| by_place(column, field.data_type(), options));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls(), array.len())?))
        }
        _ => Ok(cast_with_options(array, target, options)?),
    }
}
