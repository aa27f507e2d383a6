//! Scalar functions as data: a name, what the arguments may be, what comes back, and a kernel.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringBuilder, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::json::json_field;
use crate::recall::Recall;

/// What an argument has to be; values of other types are cast where that is natural.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text; times become ISO text, as they are in Athena's table.
    Text,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Float,
    /// A moment, with its zone if it has one; text is read as ISO.
    Time,
    /// Text or a moment, as it comes.
    TextOrTime,
    /// Bytes; text gives its UTF-8.
    Bytes,
    /// Whatever it is.
    Any,
}

impl Kind {
    fn coerce(self, function: &str, given: &DataType) -> Result<DataType> {
        let refused = |wanted: &str| match given {
            DataType::Struct(members) => {
                let member = members.first().map_or("member", |member| member.name());
                plan_err!("{function} takes {wanted}, not a row; name a member of it, as in x.{member}")
            }
            given => plan_err!("{function} takes {wanted}, not {given}"),
        };
        Ok(match self {
            Self::Any => given.clone(),
            Self::Text | Self::TextOrTime if given.is_string() => given.clone(),
            Self::TextOrTime if matches!(given, DataType::Timestamp(..)) => given.clone(),
            Self::TextOrTime if matches!(given, DataType::Date32) => utc(),
            Self::Text | Self::TextOrTime if given.is_nested() || given.is_binary() => return refused("text"),
            Self::Text | Self::TextOrTime => DataType::Utf8,
            Self::Int | Self::Float if given.is_nested() => return refused("a number"),
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Time => match given {
                DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
                DataType::Date32 | DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
                DataType::Null => utc(),
                text if text.is_string() => utc(),
                _ => return refused("a time"),
            },
            Self::Bytes if given.is_nested() => return refused("bytes"),
            Self::Bytes => DataType::Binary,
        })
    }
}

/// What a function gives.
#[derive(Clone)]
pub(crate) enum Returns {
    /// Always this type.
    Type(DataType),
    /// JSON.
    Json,
    /// What these arguments make of it.
    From(fn(&ReturnFieldArgs<'_>) -> Result<FieldRef>),
}

type KernelFn = fn(&Call) -> Result<ArrayRef>;

/// A scalar function.
#[derive(Clone)]
pub(crate) struct Function {
    name: &'static str,
    aliases: Vec<String>,
    kinds: &'static [Kind],
    required: usize,
    is_variadic: bool,
    returns: Returns,
    kernel: KernelFn,
    signature: Signature,
}

impl Function {
    /// A function of exactly these arguments.
    pub(crate) fn new(name: &'static str, kinds: &'static [Kind], returns: Returns, kernel: KernelFn) -> Self {
        let signature = match kinds {
            // The simplifier asks for the exact form of a call without arguments.
            [] => Signature::nullary(Volatility::Immutable),
            _ => Signature::user_defined(Volatility::Immutable),
        };
        Self { name, aliases: Vec::new(), kinds, required: kinds.len(), is_variadic: false, returns, kernel, signature }
    }

    /// Lets calls leave out arguments behind the first `required`.
    pub(crate) fn optional_after(mut self, required: usize) -> Self {
        self.required = required;
        self
    }

    /// Lets the last argument come any number of times.
    pub(crate) fn variadic(mut self) -> Self {
        self.is_variadic = true;
        self
    }

    /// Gives the function other names.
    pub(crate) fn aliases(mut self, aliases: &[&str]) -> Self {
        self.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        self
    }

    /// The function as DataFusion takes it.
    pub(crate) fn udf(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::new_from_impl(self))
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Functions are told apart by name.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        match &self.returns {
            Returns::Type(data_type) => Ok(data_type.clone()),
            Returns::Json => Ok(DataType::Utf8),
            Returns::From(_) => plan_err!("the type of {} depends on its arguments", self.name),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match &self.returns {
            Returns::Type(data_type) => Ok(Arc::new(Field::new(self.name, data_type.clone(), true))),
            Returns::Json => Ok(json_field(self.name)),
            Returns::From(returns) => returns(&args),
        }
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let most = if self.is_variadic { usize::MAX } else { self.kinds.len() };
        if given.len() < self.required || given.len() > most {
            let wanted = match (self.required, most) {
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            return plan_err!("{} takes {wanted} arguments, not {}", self.name, given.len());
        }
        let kind = |index: usize| self.kinds.get(index).or(self.kinds.last()).copied().unwrap_or(Kind::Any);
        given.iter().enumerate().map(|(index, data_type)| kind(index).coerce(self.name, data_type)).collect()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // A scalar of a nested type forgets which of its parts are JSON.
        let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
            && !args.return_field.data_type().is_nested();
        let rows = if is_constant { 1 } else { args.number_rows };
        let (fields, return_field) = (args.arg_fields, args.return_field);
        let call = Call { name: self.name, args: args.args, fields, return_field, rows };
        let answer = (self.kernel)(&call)?;
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&answer, 0)?));
        }
        Ok(ColumnarValue::Array(answer))
    }
}

/// The arguments of one call, and for how many rows.
pub(crate) struct Call {
    pub(crate) name: &'static str,
    args: Vec<ColumnarValue>,
    pub(crate) fields: Vec<FieldRef>,
    pub(crate) return_field: FieldRef,
    pub(crate) rows: usize,
}

impl Call {
    pub(crate) fn len(&self) -> usize {
        self.args.len()
    }

    pub(crate) fn data_type(&self, index: usize) -> DataType {
        self.args[index].data_type()
    }

    /// Returns an argument as text.
    pub(crate) fn texts(&self, index: usize) -> Result<Texts<'_>> {
        match &self.args[index] {
            ColumnarValue::Scalar(value) => Ok(Texts::One(value.try_as_str().flatten())),
            ColumnarValue::Array(array) => Texts::try_new(array)
                .ok_or_else(|| exec_datafusion_err!("{} takes text, not {}", self.name, array.data_type())),
        }
    }

    /// Returns the text of an argument that may be left out.
    pub(crate) fn optional_texts(&self, index: usize) -> Result<Option<Texts<'_>>> {
        if index < self.args.len() { self.texts(index).map(Some) } else { Ok(None) }
    }

    /// Returns an argument that is the same for all rows; `None` where it differs by row.
    pub(crate) fn constant(&self, index: usize) -> Option<&ScalarValue> {
        match self.args.get(index)? {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        }
    }

    /// Returns an argument as an array of [`Self::rows`] values.
    pub(crate) fn array(&self, index: usize) -> Result<ArrayRef> {
        self.args[index].to_array(self.rows)
    }

    /// Returns an argument as whole numbers.
    pub(crate) fn ints(&self, index: usize) -> Result<Vec<Option<i64>>> {
        let array = cast(&self.array(index)?, &DataType::Int64)?;
        Ok(array.as_primitive::<Int64Type>().iter().collect())
    }

    /// Returns one whole number per row, or the default where the argument is left out.
    pub(crate) fn ints_or(&self, index: usize, default: i64) -> Result<Vec<Option<i64>>> {
        if index < self.args.len() { self.ints(index) } else { Ok(vec![Some(default); self.rows]) }
    }

    /// Returns an argument as numbers with a fraction.
    pub(crate) fn floats(&self, index: usize) -> Result<Vec<Option<f64>>> {
        let array = cast(&self.array(index)?, &DataType::Float64)?;
        Ok(array.as_primitive::<Float64Type>().iter().collect())
    }

    /// Builds text row by row.
    pub(crate) fn build_texts<T: AsRef<str>>(&self, value: impl Fn(usize) -> Result<Option<T>>) -> Result<ArrayRef> {
        let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 8);
        for row in 0..self.rows {
            builder.append_option(value(row)?);
        }
        Ok(Arc::new(builder.finish()))
    }

    /// Builds text from a column's texts, where every other argument is the same for all rows.
    pub(crate) fn map_texts<'a, T: AsRef<str>>(
        &self,
        texts: Texts<'a>,
        value: impl Fn(&'a str) -> Result<Option<T>>,
    ) -> Result<ArrayRef> {
        let Texts::View(array) = texts else {
            return self.build_texts(|row| texts.get(row).map_or(Ok(None), &value));
        };
        let mut recall = Recall::new(self.rows);
        let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 8);
        for (row, view) in array.views().iter().enumerate() {
            match array.is_valid(row) {
                true => builder.append_option(recall.get_or_try(*view, || value(array.value(row)))?.as_ref()),
                false => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }
}

/// A column of text of any of Arrow's kinds, or one text for all rows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Texts<'a> {
    View(&'a StringViewArray),
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    One(Option<&'a str>),
}

impl<'a> Texts<'a> {
    pub(crate) fn try_new(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8View => Some(Self::View(array.as_string_view())),
            DataType::Utf8 => Some(Self::Small(array.as_string())),
            DataType::LargeUtf8 => Some(Self::Large(array.as_string())),
            _ => None,
        }
    }

    /// Returns a row's text.
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Small(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Self::One(text) => *text,
        }
    }
}

/// A moment in UTC, as `eventtime` is one.
pub(crate) fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A list of text.
pub(crate) fn text_list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}
