//! Maps: looking up, taking apart, putting together.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ReturnFieldArgs, ScalarUDF};

use crate::function::{Call, Function, Kind, Returns};
use crate::json::{Cursor, member_text, unescape};

const ANY: Kind = Kind::Any;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    [
        Function::new("map_keys", &[ANY], Returns::From(|args| part_type(args, 0)), |call| part(call, 0)),
        Function::new("map_values", &[ANY], Returns::From(|args| part_type(args, 1)), |call| part(call, 1)),
        Function::new("map_entries", &[ANY], Returns::From(entries_type), entries),
        Function::new("map_from_entries", &[ANY], Returns::From(map_of_entries), |call| gather(call, Twice::Refused)),
        // What aggregates over pairs become; see `syntax::aggregates`.
        Function::new("map_of_pairs", &[ANY], Returns::From(map_of_entries), |call| gather(call, Twice::FirstWins)),
        Function::new("multimap_from_entries", &[ANY], Returns::From(multimap_of_entries), multimap),
        Function::new("count_values", &[ANY], Returns::From(counts_type), count_values).aliases(&["array_histogram"]),
        Function::new("most_frequent_values", &[ANY, Kind::Int], Returns::From(counts_type), most_frequent_values),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

/// Returns the value of each map under each key; NULL where there is none.
pub(super) fn map_value(maps: &ArrayRef, keys: &ArrayRef) -> Result<ArrayRef> {
    let maps = maps.as_map();
    let keys = cast(keys, maps.keys().data_type())?;
    let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
    let wanted = converter.convert_columns(&[keys])?;
    let held = converter.convert_columns(&[Arc::clone(maps.keys())])?;
    let offsets = maps.value_offsets();
    let place = |row: usize| {
        let mut entries = offsets[row] as usize..offsets[row + 1] as usize;
        maps.is_valid(row)
            .then(|| entries.find(|at| held.row(*at) == wanted.row(row)))?
            .and_then(|at| u32::try_from(at).ok())
    };
    let places: UInt32Array = (0..maps.len()).map(place).collect();
    Ok(take(maps.values(), &places, None)?)
}

/// The types of a map's keys and values; JSON text is a map of text.
fn entry_fields(data_type: &DataType) -> Result<Fields> {
    match data_type {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => Ok(fields.clone()),
            other => plan_err!("a map has entries of a key and a value, not {other}"),
        },
        text if text.is_string() || text.is_null() => Ok(text_fields()),
        other => plan_err!("a map or JSON text is needed here, not {other}"),
    }
}

fn text_fields() -> Fields {
    vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)].into()
}

/// The maps of a call, with [`Call::rows`] rows.
fn maps(call: &Call) -> Result<MapArray> {
    let array = call.array(0)?;
    if let DataType::Map(..) = array.data_type() {
        return Ok(array.as_map().clone());
    }
    let texts = call.texts(0)?;
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    let (mut lengths, mut valid) = (Vec::with_capacity(call.rows), Vec::with_capacity(call.rows));
    for row in 0..call.rows {
        let start = keys.len();
        let complete = texts.get(row).and_then(|json| {
            Cursor::new(json).members(|key, mut value| {
                keys.push(unescape(key).map(|key| key.into_owned()).unwrap_or_default());
                values.push(value.take_value().and_then(member_text).map(|text| text.into_owned()));
                true
            })
        });
        lengths.push(keys.len() - start);
        valid.push(complete.is_some());
    }
    let keys: ArrayRef = Arc::new(arrow::array::StringArray::from(keys));
    let values: ArrayRef = Arc::new(arrow::array::StringArray::from(values));
    map_array(text_fields(), keys, values, &lengths, Some(NullBuffer::from(valid)))
}

fn map_array(
    fields: Fields,
    keys: ArrayRef,
    values: ArrayRef,
    lengths: &[usize],
    nulls: Option<NullBuffer>,
) -> Result<MapArray> {
    let length = keys.len();
    let entries = StructArray::try_new_with_length(fields.clone(), vec![keys, values], None, length)?;
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    Ok(MapArray::try_new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), entries, nulls, false)?)
}

fn item_of(field: &Field) -> FieldRef {
    Arc::new(field.clone().with_name(Field::LIST_FIELD_DEFAULT_NAME).with_nullable(true))
}

fn part_type(args: &ReturnFieldArgs<'_>, index: usize) -> Result<FieldRef> {
    let fields = entry_fields(args.arg_fields[0].data_type())?;
    Ok(Arc::new(Field::new("part", DataType::List(item_of(&fields[index])), true)))
}

fn part(call: &Call, index: usize) -> Result<ArrayRef> {
    let maps = maps(call)?;
    let DataType::List(item) = call.return_field.data_type() else { return exec_err!("the parts of a map are lists") };
    let values = Arc::clone(maps.entries().column(index));
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), maps.offsets().clone(), values, maps.nulls().cloned())?))
}

fn entries_type(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let fields = entry_fields(args.arg_fields[0].data_type())?;
    let item = Field::new_list_field(DataType::Struct(fields), true);
    Ok(Arc::new(Field::new("map_entries", DataType::List(Arc::new(item)), true)))
}

fn entries(call: &Call) -> Result<ArrayRef> {
    let maps = maps(call)?;
    let DataType::List(item) = call.return_field.data_type() else { return exec_err!("map entries are a list") };
    let entries: ArrayRef = Arc::new(maps.entries().clone());
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), maps.offsets().clone(), entries, maps.nulls().cloned())?))
}

/// The fields of the pairs that an array holds.
fn pair_fields(data_type: &DataType) -> Result<[Field; 2]> {
    if let DataType::List(item) = data_type
        && let DataType::Struct(fields) = item.data_type()
        && let [key, value] = fields.as_ref()
    {
        let key = key.as_ref().clone().with_name("key").with_nullable(false);
        return Ok([key, value.as_ref().clone().with_name("value").with_nullable(true)]);
    }
    plan_err!("an array of pairs of a key and a value is needed here, not {data_type}")
}

fn map_field(key: Field, value: Field) -> FieldRef {
    let entries = Field::new("entries", DataType::Struct(vec![key, value].into()), false);
    Arc::new(Field::new("map", DataType::Map(Arc::new(entries), false), true))
}

fn map_of_entries(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let [key, value] = pair_fields(args.arg_fields[0].data_type())?;
    Ok(map_field(key, value))
}

fn multimap_of_entries(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let [key, value] = pair_fields(args.arg_fields[0].data_type())?;
    Ok(map_field(key, Field::new("value", DataType::List(item_of(&value)), true)))
}

/// What becomes of a key that comes twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    FirstWins,
    Refused,
}

/// The rows of each list under each distinct key, in the order in which the keys come. NULL is no key.
struct Groups {
    /// Per list, the places of each key's rows; `None` for a list that is NULL.
    lists: Vec<Option<Vec<Vec<u32>>>>,
}

impl Groups {
    fn new(lists: &ListArray, keys: &ArrayRef) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
        let rows = converter.convert_columns(&[Arc::clone(keys)])?;
        let offsets = lists.value_offsets();
        let group = |list: usize| {
            let mut index: HashMap<OwnedRow, usize> = HashMap::new();
            let mut groups: Vec<Vec<u32>> = Vec::new();
            for at in (offsets[list] as usize..offsets[list + 1] as usize).filter(|at| keys.is_valid(*at)) {
                let next = groups.len();
                let group = *index.entry(rows.row(at).owned()).or_insert(next);
                if group == next {
                    groups.push(Vec::new());
                }
                groups[group].push(at as u32);
            }
            groups
        };
        Ok(Self { lists: (0..lists.len()).map(|list| lists.is_valid(list).then(|| group(list))).collect() })
    }

    fn keys(&self) -> impl Iterator<Item = &Vec<u32>> {
        self.lists.iter().flatten().flatten()
    }

    fn first_places(&self) -> UInt32Array {
        self.keys().filter_map(|places| places.first().copied()).collect()
    }

    fn lengths(&self) -> Vec<usize> {
        self.lists.iter().map(|list| list.as_ref().map_or(0, Vec::len)).collect()
    }

    fn nulls(&self) -> Option<NullBuffer> {
        Some(NullBuffer::from_iter(self.lists.iter().map(Option::is_some)))
    }
}

/// The key and value columns of an array of pairs.
fn pair_columns(lists: &ListArray) -> (ArrayRef, ArrayRef) {
    let pairs = lists.values().as_struct();
    (Arc::clone(pairs.column(0)), Arc::clone(pairs.column(1)))
}

fn result_fields(call: &Call) -> Result<Fields> {
    entry_fields(call.return_field.data_type())
}

fn gather(call: &Call, twice: Twice) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let lists = array.as_list::<i32>();
    let (keys, values) = pair_columns(lists);
    let groups = Groups::new(lists, &keys)?;
    if twice == Twice::Refused && groups.keys().any(|places| places.len() > 1) {
        return exec_err!("map_from_entries: a key comes twice; multimap_from_entries keeps all its values");
    }
    let places = groups.first_places();
    let (keys, values) = (take(&keys, &places, None)?, take(&values, &places, None)?);
    Ok(Arc::new(map_array(result_fields(call)?, keys, values, &groups.lengths(), groups.nulls())?))
}

fn multimap(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let lists = array.as_list::<i32>();
    let (keys, values) = pair_columns(lists);
    let groups = Groups::new(lists, &keys)?;
    let fields = result_fields(call)?;
    let DataType::List(item) = fields[1].data_type() else { return exec_err!("a multimap holds lists") };
    let all: UInt32Array = groups.keys().flatten().copied().map(Some).collect();
    let offsets = OffsetBuffer::from_lengths(groups.keys().map(Vec::len));
    let values = ListArray::try_new(Arc::clone(item), offsets, take(&values, &all, None)?, None)?;
    let keys = take(&keys, &groups.first_places(), None)?;
    Ok(Arc::new(map_array(fields.clone(), keys, Arc::new(values), &groups.lengths(), groups.nulls())?))
}

fn counts_type(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let DataType::List(item) = args.arg_fields[0].data_type() else { return plan_err!("histogram counts an array") };
    let key = item.as_ref().clone().with_name("key").with_nullable(false);
    Ok(map_field(key, Field::new("value", DataType::Int64, true)))
}

fn count_values(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let lists = array.as_list::<i32>();
    let groups = Groups::new(lists, lists.values())?;
    counted(call, lists, &groups)
}

fn counted(call: &Call, lists: &ListArray, groups: &Groups) -> Result<ArrayRef> {
    let counts = groups.keys().map(|places| Some(places.len() as i64));
    let counts: arrow::array::PrimitiveArray<Int64Type> = counts.collect();
    let keys = take(lists.values(), &groups.first_places(), None)?;
    Ok(Arc::new(map_array(result_fields(call)?, keys, Arc::new(counts), &groups.lengths(), groups.nulls())?))
}

/// As [`count_values`], with the `n` values that come most often.
fn most_frequent_values(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let lists = array.as_list::<i32>();
    let mut groups = Groups::new(lists, lists.values())?;
    for (list, count) in groups.lists.iter_mut().zip(call.ints(1)?) {
        let Some(list) = list else { continue };
        let Some(count) = count.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0) else {
            return exec_err!("approx_most_frequent takes a positive number of values first");
        };
        list.sort_by_key(|places| std::cmp::Reverse(places.len()));
        list.truncate(count);
    }
    counted(call, lists, &groups)
}
