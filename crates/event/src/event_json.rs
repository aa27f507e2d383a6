//! From a row back to the event's JSON.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, LargeStringArray, ListArray, MapArray, RecordBatch, StringArray,
    StringBuilder, StringViewArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimestampMicrosecondType};

use crate::batch::{ABSENT, VERBATIM};
use crate::category;
use crate::error::EventError;
use crate::model::{EVENT, Kind, Member, RESOURCE};
use crate::scan::{Scanner, write_string};
use crate::schema::{UNMAPPED, column_name};
use crate::time::write_time;

/// Rebuilds the JSON text of every row.
///
/// `batch` holds the columns of [`event_schema`](crate::event_schema) by name, in any order, text as `Utf8`,
/// `LargeUtf8` or `Utf8View`. Each value of the result is equal, as a JSON value with numbers as written, to the
/// record that the row was decoded from; members come in column order.
///
/// Fails with [`EventError::Column`] where a column is missing or has another type.
pub fn event_json(batch: &RecordBatch) -> Result<StringArray, EventError> {
    let column = |name: &str| batch.column_by_name(name);
    let unmapped = Text::of(column(UNMAPPED), UNMAPPED)?;
    let root = readers(EVENT, &column)?;
    let rebuild = Rebuild {
        version: Text::of(column("eventversion"), "eventversion")?,
        category: Text::of(column("eventcategory"), "eventcategory")?,
        root,
    };
    let mut texts = StringBuilder::with_capacity(batch.num_rows(), batch.num_rows() * 1024);
    let mut out = Vec::new();
    for row in 0..batch.num_rows() {
        out.clear();
        rebuild.write(row, unmapped.value(row), &mut out);
        texts.append_value(std::str::from_utf8(&out).map_err(|_| EventError::Column { name: UNMAPPED.to_owned() })?);
    }
    Ok(texts.finish())
}

/// The columns of an event, ready to be read by row.
struct Rebuild<'a> {
    version: Text<'a>,
    category: Text<'a>,
    root: Vec<Named<'a>>,
}

/// A column and the JSON member it stands for.
struct Named<'a> {
    name: &'static str,
    column: Reader<'a>,
}

enum Reader<'a> {
    Text(Text<'a>),
    Json(Text<'a>),
    Bool(&'a BooleanArray),
    Time(&'a TimestampMicrosecondArray),
    Struct(&'a StructArray, Vec<Named<'a>>),
    Resources(&'a ListArray, &'a StructArray, Vec<Named<'a>>),
    Map(&'a MapArray, Text<'a>, Text<'a>),
}

enum Text<'a> {
    Utf8(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Text<'a> {
    fn of(array: Option<&'a ArrayRef>, name: &str) -> Result<Self, EventError> {
        let wrong = || EventError::Column { name: name.to_owned() };
        let array = array.ok_or_else(wrong)?;
        match array.data_type() {
            DataType::Utf8 => Ok(Self::Utf8(array.as_string())),
            DataType::LargeUtf8 => Ok(Self::Large(array.as_string())),
            DataType::Utf8View => Ok(Self::View(array.as_string_view())),
            _ => Err(wrong()),
        }
    }

    fn value(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Utf8(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

fn readers<'a>(
    members: &'static [Member],
    column: &dyn Fn(&str) -> Option<&'a ArrayRef>,
) -> Result<Vec<Named<'a>>, EventError> {
    let mut named = Vec::with_capacity(members.len());
    for member in members {
        let name = column_name(member.name);
        let wrong = || EventError::Column { name: name.clone() };
        let array = || column(&name).ok_or_else(wrong);
        let column = match member.kind {
            Kind::Hidden => continue,
            Kind::Text => Reader::Text(Text::of(column(&name), &name)?),
            Kind::Json => Reader::Json(Text::of(column(&name), &name)?),
            Kind::Bool => Reader::Bool(array()?.as_boolean_opt().ok_or_else(wrong)?),
            Kind::Time => Reader::Time(array()?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?),
            Kind::Struct(children) => {
                let array = array()?.as_struct_opt().ok_or_else(wrong)?;
                Reader::Struct(array, readers(children, &|name| array.column_by_name(name))?)
            }
            Kind::Resources => {
                let list = array()?.as_list_opt::<i32>().ok_or_else(wrong)?;
                let elements = list.values().as_struct_opt().ok_or_else(wrong)?;
                Reader::Resources(list, elements, readers(RESOURCE, &|name| elements.column_by_name(name))?)
            }
            Kind::Map => {
                let map = array()?.as_map_opt().ok_or_else(wrong)?;
                Reader::Map(map, Text::of(Some(map.keys()), &name)?, Text::of(Some(map.values()), &name)?)
            }
        };
        named.push(Named { name: member.name, column });
    }
    Ok(named)
}

/// Members of an `unmapped` object: names and values as they stand in the text.
type Extras<'a> = Vec<(&'a [u8], &'a [u8])>;

fn extras(json: &[u8]) -> Extras<'_> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(json);
    let mut read = || -> Result<(), crate::scan::Stop> {
        let mut more = scanner.peek()? == b'{' && scanner.open(b'}')?;
        while more {
            let (name, _) = scanner.key()?;
            scanner.peek()?;
            let start = scanner.at;
            scanner.value()?;
            found.push((name, &json[start..scanner.at]));
            more = scanner.more(b'}')?;
        }
        Ok(())
    };
    // What trailql wrote is valid; anything else is given back as far as it can be read.
    let _ = read();
    found
}

impl Rebuild<'_> {
    fn write(&self, row: usize, unmapped: Option<&str>, out: &mut Vec<u8>) {
        let extras = unmapped.map(|text| extras(text.as_bytes())).unwrap_or_default();
        if let [(name, event)] = extras.as_slice()
            && *name == VERBATIM.as_bytes()
        {
            out.extend_from_slice(event);
            return;
        }
        let category = self.category.value(row).unwrap_or_default().as_bytes();
        let rules = RootRules {
            aggregated: category == category::AGGREGATED,
            has_call: !category::has_no_call(category),
            states_category: category::is_stated(self.version.value(row).map(str::as_bytes)),
        };
        write_object(&self.root, row, &extras, Some(&rules), out);
    }
}

/// What decides how members of the event itself are spelled.
struct RootRules {
    aggregated: bool,
    has_call: bool,
    states_category: bool,
}

impl RootRules {
    /// Name of a member in this event's JSON; `None` where its column was derived.
    fn name(&self, member: &'static str) -> Option<&'static str> {
        match member {
            "eventCategory" if !self.states_category => None,
            "eventTime" if self.aggregated => None,
            "eventID" if self.aggregated => Some("eventId"),
            "recipientAccountId" if self.aggregated => Some("accountId"),
            _ => Some(member),
        }
    }

    fn is_usually_null(&self, member: &str) -> bool {
        self.has_call && matches!(member, "requestParameters" | "responseElements")
    }
}

fn write_object(members: &[Named<'_>], row: usize, extras: &Extras<'_>, root: Option<&RootRules>, out: &mut Vec<u8>) {
    let mut object = ObjectWriter { out, separator: b'{' };
    // Only at the top is `$absent` a word of ours.
    let is_list = |name: &[u8]| root.is_some() && name == ABSENT.as_bytes();
    let absent: &[u8] = extras.iter().find(|(name, _)| is_list(name)).map_or(b"", |(_, list)| list);
    for (name, value) in extras {
        let merged = members.iter().any(|member| member.takes_in(name, value, row));
        if !merged && !is_list(name) {
            object.member(name).extend_from_slice(value);
        }
    }
    for member in members {
        let Some(name) = root.map_or(Some(member.name), |root| root.name(member.name)) else { continue };
        let extra = extras.iter().find(|(extra, _)| *extra == name.as_bytes());
        match (&member.column, extra) {
            (Reader::Struct(array, children), extra) if array.is_valid(row) => {
                let below = extra.map(|(_, value)| self::extras(value)).unwrap_or_default();
                write_object(children, row, &below, None, object.member(name.as_bytes()));
            }
            (_, Some(_)) => {}
            (column, None) if is_listed(absent, name) => debug_assert!(!matches!(column, Reader::Struct(..))),
            (column, None) if column.is_valid(row) => column.write(row, object.member(name.as_bytes())),
            (_, None) if root.is_some_and(|root| root.is_usually_null(name)) => {
                object.member(name.as_bytes()).extend_from_slice(b"null");
            }
            (_, None) => {}
        }
    }
    object.close();
}

/// Whether `$absent`, a JSON list of plain names, lists `name`.
fn is_listed(list: &[u8], name: &str) -> bool {
    !list.is_empty() && list.split(|byte| *byte == b'"').any(|part| part == name.as_bytes())
}

struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    separator: u8,
}

impl ObjectWriter<'_> {
    /// Starts a member whose name needs no escapes, or has them already.
    fn member(&mut self, name: &[u8]) -> &mut Vec<u8> {
        self.out.extend_from_slice(&[self.separator, b'"']);
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(b"\":");
        self.separator = b',';
        self.out
    }

    fn close(self) {
        if self.separator == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}

impl Named<'_> {
    /// Whether an extra of this name and value belongs inside this member's struct.
    fn takes_in(&self, name: &[u8], value: &[u8], row: usize) -> bool {
        name == self.name.as_bytes()
            && value.first() == Some(&b'{')
            && matches!(&self.column, Reader::Struct(array, _) if array.is_valid(row))
    }
}

impl Reader<'_> {
    fn is_valid(&self, row: usize) -> bool {
        match self {
            Self::Text(text) | Self::Json(text) => text.value(row).is_some(),
            Self::Bool(array) => array.is_valid(row),
            Self::Time(array) => array.is_valid(row),
            Self::Struct(array, _) => array.is_valid(row),
            Self::Resources(list, _, _) => list.is_valid(row),
            Self::Map(map, _, _) => map.is_valid(row),
        }
    }

    /// Writes the value of a row that is valid.
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_string(text.value(row).unwrap_or_default(), out),
            Self::Json(text) => out.extend_from_slice(text.value(row).unwrap_or("null").as_bytes()),
            Self::Bool(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
            Self::Time(array) => {
                out.push(b'"');
                write_time(array.value(row), out);
                out.push(b'"');
            }
            Self::Struct(_, members) => write_object(members, row, &Vec::new(), None, out),
            Self::Resources(list, elements, members) => {
                let offsets = list.value_offsets();
                let mut separator = b'[';
                for element in offsets[row] as usize..offsets[row + 1] as usize {
                    out.push(separator);
                    separator = b',';
                    if elements.is_valid(element) {
                        write_object(members, element, &Vec::new(), None, out);
                    } else {
                        out.extend_from_slice(b"null");
                    }
                }
                if separator == b'[' {
                    out.push(b'[');
                }
                out.push(b']');
            }
            Self::Map(map, keys, values) => {
                let offsets = map.value_offsets();
                let mut separator = b'{';
                for entry in offsets[row] as usize..offsets[row + 1] as usize {
                    out.push(separator);
                    separator = b',';
                    write_string(keys.value(entry).unwrap_or_default(), out);
                    out.push(b':');
                    write_string(values.value(entry).unwrap_or_default(), out);
                }
                if separator == b'{' {
                    out.push(b'{');
                }
                out.push(b'}');
            }
        }
    }
}
