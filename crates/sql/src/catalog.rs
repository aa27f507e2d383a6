//! What a session has: tables with their columns, and functions; for `\d`, completion and suggestions.

use arrow::datatypes::{DataType, SchemaRef};

/// A table or view.
#[derive(Debug, Clone)]
pub struct TableInfo {
    /// Name in SQL.
    pub name: String,
    /// Where it comes from.
    pub kind: TableKind,
    /// One line on what it holds, if that is known.
    pub summary: Option<&'static str>,
    /// Its columns, in order.
    pub columns: Vec<ColumnInfo>,
}

/// Where a table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// The lake.
    Lake,
    /// Log files read in place.
    Raw,
    /// A view that every session has.
    View,
    /// Something that this session made.
    Session,
}

impl TableKind {
    /// Returns the word for lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lake => "lake",
            Self::Raw => "log files",
            Self::View => "view",
            Self::Session => "session",
        }
    }
}

/// A column.
#[derive(Debug, Clone)]
pub struct ColumnInfo {
    /// Name in SQL.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// How it is kept.
    pub kind: ColumnKind,
}

/// How a column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// In the files.
    Stored,
    /// In the folder names of the lake.
    Partition,
    /// Computed when it is named; not part of `*`.
    Virtual,
}

impl ColumnKind {
    /// Returns the word for lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "",
            Self::Partition => "partition",
            Self::Virtual => "virtual",
        }
    }
}

/// A function.
#[derive(Debug, Clone)]
pub struct FunctionInfo {
    /// Name in SQL.
    pub name: String,
    /// What it is applied to.
    pub kind: FunctionKind,
    /// How it is called, if that is documented.
    pub syntax: Option<String>,
    /// What it does, in one sentence, if that is documented.
    pub summary: Option<String>,
}

/// What a function is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionKind {
    /// One row.
    Scalar,
    /// A group of rows.
    Aggregate,
    /// The rows around one.
    Window,
    /// Nothing: it makes rows.
    Table,
}

impl FunctionKind {
    /// Returns the word for lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Aggregate => "aggregate",
            Self::Window => "window",
            Self::Table => "table",
        }
    }
}

/// Describes the columns of a relation; `virtual_columns` are those that `*` leaves out.
pub(crate) fn columns(schema: &SchemaRef, virtual_columns: &[String], is_lake: bool) -> Vec<ColumnInfo> {
    let kind = |name: &String| {
        if virtual_columns.contains(name) {
            ColumnKind::Virtual
        } else if is_lake && matches!(name.as_str(), trailql_event::REGION | trailql_event::DATE) {
            ColumnKind::Partition
        } else {
            ColumnKind::Stored
        }
    };
    schema
        .fields()
        .iter()
        .map(|field| ColumnInfo {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
            kind: kind(field.name()),
        })
        .collect()
}

/// Spells a type as people write it in SQL.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 | DataType::UInt8 => "tinyint".to_owned(),
        DataType::Int16 | DataType::UInt16 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt32 => "int".to_owned(),
        DataType::Int64 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(_, _) => "timestamp".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".to_owned(),
        DataType::Dictionary(_, value) => type_name(value),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            format!("array<{}>", type_name(item.data_type()))
        }
        DataType::Struct(fields) => {
            let members: Vec<_> =
                fields.iter().map(|field| format!("{} {}", field.name(), type_name(field.data_type()))).collect();
            format!("struct<{}>", members.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("map<{}, {}>", type_name(fields[0].data_type()), type_name(fields[1].data_type()))
            }
            other => format!("map<{}>", type_name(other)),
        },
        other => other.to_string().to_lowercase(),
    }
}
