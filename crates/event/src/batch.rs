//! Rows of an event batch: the second half of decoding, from slots to columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StructArray};
use arrow::error::ArrowError;
use xxhash_rust::xxh3::xxh3_64;

use crate::category;
use crate::columns::{BoolColumn, MapColumn, ResourceColumn, StructColumn, TextColumn, TimeColumn};
use crate::insight::write_flat_insight;
use crate::key::EventKey;
use crate::model::{Kind, Layout, ROOT};
use crate::record::{Extra, Presence, Record};
use crate::scan::{Scanner, Value, minify, unescape};
use crate::schema::{event_schema, fields};
use crate::time::read_time;

/// Member of `unmapped` that lists members which their columns would wrongly bring back.
pub(crate) const ABSENT: &str = "$absent";

/// Member of `unmapped` that holds a whole event verbatim.
pub(crate) const VERBATIM: &str = "$event";

/// Events of one batch with what deduplication needs to know about each.
#[derive(Debug, Clone)]
pub struct DecodedBatch {
    /// Rows of [`event_schema`](crate::event_schema).
    pub rows: RecordBatch,
    /// Key of each row.
    pub keys: Vec<EventKey>,
    /// JSON bytes that the rows were decoded from.
    pub json_bytes: u64,
}

/// Builds [`DecodedBatch`]es row by row.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    layout: &'static Layout,
    names: Names,
    columns: Vec<Column>,
    structs: Vec<StructColumn>,
    unmapped: TextColumn,
    source_file: TextColumn,
    keys: Vec<EventKey>,
    json_bytes: u64,
    scratch: Vec<u8>,
}

/// The column of one slot.
#[derive(Debug)]
enum Column {
    Text(TextColumn),
    Json(TextColumn),
    Bool(BoolColumn),
    Time(TimeColumn),
    Resources(Box<ResourceColumn>),
    Map(Box<MapColumn>),
    Hidden,
}

/// Slots that have rules of their own.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) version: usize,
    pub(crate) time: usize,
    pub(crate) source: usize,
    pub(crate) name: usize,
    pub(crate) request: usize,
    pub(crate) response: usize,
    pub(crate) id: usize,
    pub(crate) id_lower: usize,
    pub(crate) account: usize,
    pub(crate) account_aggregated: usize,
    pub(crate) event_type: usize,
    pub(crate) category: usize,
    pub(crate) management: usize,
    pub(crate) insight: usize,
    pub(crate) window: usize,
    pub(crate) lookup: usize,
    pub(crate) detail: usize,
    pub(crate) detail_type: usize,
    pub(crate) message: usize,
    pub(crate) digest: usize,
    absent: usize,
    verbatim: usize,
}

impl Names {
    pub(crate) fn new(layout: &Layout) -> Self {
        let slot = |name| layout.slot(name);
        Self {
            version: slot("eventVersion"),
            time: slot("eventTime"),
            source: slot("eventSource"),
            name: slot("eventName"),
            request: slot("requestParameters"),
            response: slot("responseElements"),
            id: slot("eventID"),
            id_lower: slot("eventId"),
            account: slot("recipientAccountId"),
            account_aggregated: slot("accountId"),
            event_type: slot("eventType"),
            category: slot("eventCategory"),
            management: slot("managementEvent"),
            insight: slot("insightDetails"),
            window: slot("timeWindow"),
            lookup: slot("CloudTrailEvent"),
            detail: slot("detail"),
            detail_type: slot("detail-type"),
            message: slot("message"),
            digest: slot("digestS3Object"),
            absent: slot(ABSENT),
            verbatim: slot(VERBATIM),
        }
    }
}

impl BatchBuilder {
    pub(crate) fn new() -> Self {
        let layout = Layout::get();
        let mut columns: Vec<Column> = (0..layout.slots).map(|_| Column::Hidden).collect();
        for place in layout.nodes.iter().flat_map(|node| &node.members) {
            if !matches!(place.kind, Kind::Struct(_)) {
                columns[place.index] = Column::new(place.kind);
            }
        }
        Self {
            layout,
            names: Names::new(layout),
            columns,
            structs: layout.nodes.iter().map(|_| StructColumn::default()).collect(),
            unmapped: TextColumn::default(),
            source_file: TextColumn::default(),
            keys: Vec::new(),
            json_bytes: 0,
            scratch: Vec::new(),
        }
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.keys.len()
    }

    /// JSON bytes of the rows so far.
    pub(crate) fn json_bytes(&self) -> u64 {
        self.json_bytes
    }

    /// Adds `record`, which must be an event, as a row; false if its time could not be read.
    pub(crate) fn push(&mut self, record: &mut Record<'_>, source_file: &str) -> bool {
        let row = self.rows();
        let key = self.key(record);
        let mut absent = Vec::new();
        let category = self.push_category(record, row, &mut absent);
        let aggregated = category == category::AGGREGATED;
        self.settle_spellings(record, aggregated, &mut absent);
        if category == category::INSIGHT {
            self.push_flat_insight(record, row, &mut absent);
        }
        let timed = self.push_time(record, row, aggregated);
        self.push_members(record, row, !category::has_no_call(&category), &mut absent);
        self.push_unmapped(record, row, &absent);
        self.source_file.push(row, source_file.as_bytes());
        self.json_bytes += record.raw.len() as u64;
        self.keys.push(key);
        timed
    }

    /// Takes the rows so far as a batch.
    pub(crate) fn finish(&mut self) -> Result<DecodedBatch, ArrowError> {
        let rows = self.rows();
        let mut arrays = self.finish_node(ROOT, rows)?;
        arrays.push(Arc::new(self.unmapped.finish(rows)?));
        arrays.push(Arc::new(self.source_file.finish(rows)?));
        let keys = std::mem::take(&mut self.keys);
        let json_bytes = std::mem::take(&mut self.json_bytes);
        Ok(DecodedBatch { rows: RecordBatch::try_new(event_schema(), arrays)?, keys, json_bytes })
    }

    /// Identity of the event, from its ID where it has one, and of its content.
    fn key(&mut self, record: &Record<'_>) -> EventKey {
        let content = if record.spaced {
            self.scratch.clear();
            minify(record.raw, &mut self.scratch);
            xxh3_64(&self.scratch)
        } else {
            xxh3_64(record.raw)
        };
        let spelled = [self.names.id, self.names.id_lower].map(|slot| record.slots[slot]);
        let id = match spelled.iter().find(|value| value.is_some()) {
            Some(Value::Text { raw, escaped: true }) => {
                self.scratch.clear();
                unescape(raw, &mut self.scratch);
                xxh3_64(&self.scratch)
            }
            Some(Value::Text { raw, .. }) if !raw.is_empty() => xxh3_64(raw),
            _ => content,
        };
        EventKey { id, content: content as u32 }
    }

    /// Moves the event ID and the account into their columns' slots, whichever way they are spelled.
    ///
    /// Aggregated events say `eventId` and `accountId`, all others `eventID` and `recipientAccountId`; rebuilding goes
    /// by the category, so any other spelling is noted.
    fn settle_spellings<'a>(&self, record: &mut Record<'a>, aggregated: bool, absent: &mut Vec<&'static str>) {
        let n = &self.names;
        let pairs = [
            (n.id, n.id_lower, "eventID", "eventId", true),
            (n.account, n.account_aggregated, "recipientAccountId", "accountId", false),
        ];
        for (usual, other, usual_name, other_name, either) in pairs {
            let (values, names) = if aggregated {
                ([record.slots[other], record.slots[usual]], [other_name, usual_name])
            } else {
                ([record.slots[usual], record.slots[other]], [usual_name, other_name])
            };
            record.slots[usual] = values[0];
            if values[1] == Value::Absent {
                continue;
            }
            record.extras.push(Extra { node: ROOT, name: names[1].as_bytes(), value: values[1] });
            if values[0] == Value::Absent && (either || aggregated) {
                record.slots[usual] = values[1];
                absent.push(names[0]);
            }
        }
    }

    fn push_time(&mut self, record: &mut Record<'_>, row: usize, aggregated: bool) -> bool {
        let value = std::mem::take(&mut record.slots[self.names.time]);
        let time = value.plain().and_then(read_time);
        let window = aggregated.then(|| window_start(&record.slots[self.names.window])).flatten();
        if value != Value::Absent && (aggregated || !time.is_some_and(|time| time.exact)) {
            record.extras.push(Extra { node: ROOT, name: b"eventTime", value });
        }
        let micros = window.or(time.map(|time| time.micros));
        if let (Some(micros), Column::Time(column)) = (micros, &mut self.columns[self.names.time]) {
            column.push(row, micros);
        }
        micros.is_some()
    }

    /// Sets `eventcategory`, derived where older events lack it; see [`category::is_stated`] for when it is rebuilt.
    fn push_category(&mut self, record: &mut Record<'_>, row: usize, absent: &mut Vec<&'static str>) -> Vec<u8> {
        let n = &self.names;
        let value = std::mem::take(&mut record.slots[n.category]);
        let version = record.slots[n.version].text();
        let stated = category::is_stated(version.as_deref());
        let mut text = Vec::new();
        let exact = match value {
            Value::Text { raw, .. } => unescape(raw, &mut text) && stated,
            Value::Absent => {
                if stated {
                    absent.push("eventCategory");
                }
                true
            }
            _ => false,
        };
        if !exact {
            record.extras.push(Extra { node: ROOT, name: b"eventCategory", value });
        }
        if !matches!(value, Value::Text { .. }) {
            text = category::derive(record, n).to_vec();
        }
        if let Column::Text(column) = &mut self.columns[n.category] {
            column.push(row, &text);
        }
        text
    }

    /// Sets `insightdetails` of an event that has CloudTrail Lake's flat members instead.
    fn push_flat_insight(&mut self, record: &Record<'_>, row: usize, absent: &mut Vec<&'static str>) {
        let slot = self.names.insight;
        self.scratch.clear();
        if record.slots[slot] == Value::Absent
            && write_flat_insight(&record.extras, &mut self.scratch)
            && let Column::Json(column) = &mut self.columns[slot]
        {
            column.push(row, &self.scratch);
            absent.push("insightDetails");
        }
    }

    fn push_members(&mut self, record: &mut Record<'_>, row: usize, has_call: bool, absent: &mut Vec<&'static str>) {
        let layout = self.layout;
        for (node, members) in layout.nodes.iter().enumerate() {
            if record.nodes[node] == Presence::Absent {
                continue;
            }
            self.structs[node].push(row);
            for place in &members.members {
                let slot = place.index;
                if matches!(place.kind, Kind::Struct(_)) || self.is_settled(node, slot) {
                    continue;
                }
                let value = record.slots[slot];
                let call = node == ROOT && (slot == self.names.request || slot == self.names.response);
                let exact = if call && has_call {
                    if value == Value::Absent {
                        absent.push(place.name);
                    }
                    value == Value::Null || self.columns[slot].push(row, &value, record)
                } else {
                    self.columns[slot].push(row, &value, record)
                };
                if !exact {
                    record.extras.push(Extra { node, name: place.name.as_bytes(), value });
                }
            }
        }
    }

    /// Whether a root member was dealt with before the others.
    fn is_settled(&self, node: usize, slot: usize) -> bool {
        let n = &self.names;
        node == ROOT && [n.time, n.category, n.id_lower, n.account_aggregated].contains(&slot)
    }

    fn push_unmapped(&mut self, record: &Record<'_>, row: usize, absent: &[&'static str]) {
        let marked = [self.names.absent, self.names.verbatim].iter().any(|slot| record.slots[*slot] != Value::Absent);
        if record.verbatim || marked {
            self.unmapped.push_with(row, |out| {
                out.extend_from_slice(b"{\"$event\":");
                minify(record.raw, out);
                out.push(b'}');
            });
        } else if !record.extras.is_empty() || !absent.is_empty() {
            let layout = self.layout;
            self.unmapped.push_with(row, |out| write_unmapped(layout, ROOT, &record.extras, absent, out));
        }
    }

    fn finish_node(&mut self, node: usize, rows: usize) -> Result<Vec<ArrayRef>, ArrowError> {
        let layout = self.layout;
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for place in &layout.nodes[node].members {
            if let Kind::Struct(members) = place.kind {
                let children = self.finish_node(place.index, rows)?;
                let nulls = self.structs[place.index].finish(rows);
                arrays.push(Arc::new(StructArray::try_new_with_length(fields(members), children, nulls, rows)?));
            } else if let Some(array) = self.columns[place.index].finish(rows)? {
                arrays.push(array);
            }
        }
        if node == ROOT {
            self.structs[ROOT].finish(rows);
        }
        Ok(arrays)
    }
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Column::Text(TextColumn::default()),
            Kind::Json => Column::Json(TextColumn::default()),
            Kind::Bool => Column::Bool(BoolColumn::default()),
            Kind::Time => Column::Time(TimeColumn::default()),
            Kind::Resources => Column::Resources(Box::default()),
            Kind::Map => Column::Map(Box::default()),
            Kind::Struct(_) | Kind::Hidden => Column::Hidden,
        }
    }

    /// Sets row `row`; true where the column gives the value back exactly.
    fn push(&mut self, row: usize, value: &Value<'_>, record: &Record<'_>) -> bool {
        if *value == Value::Absent {
            return true;
        }
        match self {
            Column::Text(column) => column.push_value(row, value),
            Column::Json(column) => {
                if value.is_some() {
                    column.push_with(row, |out| value.write_json(out));
                }
                value.is_some()
            }
            Column::Bool(column) => match read_bool(value) {
                Some((boolean, exact)) => {
                    column.push(row, boolean);
                    exact
                }
                None => false,
            },
            Column::Resources(column) if is_nested(value, b'[') => {
                column.push(row, &record.resources) && record.resources_exact
            }
            Column::Map(column) if is_nested(value, b'{') => column.push(row, &record.map) && record.map_exact,
            // Hidden members have no column at all; times were dealt with before.
            Column::Resources(_) | Column::Map(_) | Column::Time(_) | Column::Hidden => false,
        }
    }

    fn finish(&mut self, rows: usize) -> Result<Option<ArrayRef>, ArrowError> {
        Ok(Some(match self {
            Column::Text(column) | Column::Json(column) => Arc::new(column.finish(rows)?) as ArrayRef,
            Column::Bool(column) => Arc::new(column.finish(rows)),
            Column::Time(column) => Arc::new(column.finish(rows)),
            Column::Resources(column) => Arc::new(column.finish(rows)?),
            Column::Map(column) => Arc::new(column.finish(rows)?),
            Column::Hidden => return Ok(None),
        }))
    }
}

/// A boolean, and whether it is one in JSON: old and hand-edited logs say `"true"`, `"True"`.
fn read_bool(value: &Value<'_>) -> Option<(bool, bool)> {
    let (text, exact) = match value {
        Value::Literal(text) => (*text, true),
        _ => (value.plain()?, false),
    };
    let boolean = if text.eq_ignore_ascii_case(b"true") {
        true
    } else if text.eq_ignore_ascii_case(b"false") {
        false
    } else {
        return None;
    };
    Some((boolean, exact))
}

fn is_nested(value: &Value<'_>, bracket: u8) -> bool {
    matches!(value, Value::Nested { raw, .. } if raw.first() == Some(&bracket))
}

/// `windowStart` of an aggregated event's `timeWindow`, in UTC microseconds.
fn window_start(window: &Value<'_>) -> Option<i64> {
    let Value::Nested { raw, .. } = window else { return None };
    let mut scanner = Scanner::new(raw);
    let mut more = scanner.peek().ok()? == b'{' && scanner.open(b'}').ok()?;
    while more {
        let (name, _) = scanner.key().ok()?;
        let value = scanner.value().ok()?;
        if name == b"windowStart" {
            return read_time(value.plain()?).map(|time| time.micros);
        }
        more = scanner.more(b'}').ok()?;
    }
    None
}

/// Writes the extras of `node` and of the structs below it as one object, nested as in the event.
fn write_unmapped(layout: &Layout, node: usize, extras: &[Extra<'_>], absent: &[&str], out: &mut Vec<u8>) {
    let mut separator = b'{';
    for extra in extras.iter().filter(|extra| extra.node == node) {
        out.extend_from_slice(&[separator, b'"']);
        out.extend_from_slice(extra.name);
        out.extend_from_slice(b"\":");
        extra.value.write_json(out);
        separator = b',';
    }
    for place in layout.nodes[node].members.iter().filter(|place| matches!(place.kind, Kind::Struct(_))) {
        if has_extras(layout, place.index, extras) {
            out.extend_from_slice(&[separator, b'"']);
            out.extend_from_slice(place.name.as_bytes());
            out.extend_from_slice(b"\":");
            write_unmapped(layout, place.index, extras, &[], out);
            separator = b',';
        }
    }
    if !absent.is_empty() {
        out.push(separator);
        out.extend_from_slice(format!("\"{ABSENT}\":[\"{}\"]", absent.join("\",\"")).as_bytes());
    }
    out.push(b'}');
}

fn has_extras(layout: &Layout, node: usize, extras: &[Extra<'_>]) -> bool {
    extras.iter().any(|extra| extra.node == node)
        || layout.nodes[node]
            .members
            .iter()
            .any(|place| matches!(place.kind, Kind::Struct(_)) && has_extras(layout, place.index, extras))
}
