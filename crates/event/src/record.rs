//! One JSON object, read into slots: the first half of decoding, before anything is copied.

use crate::model::{Kind, Layout, Place, RESOURCE, ROOT};
use crate::scan::{Scanner, Stop, Value, unescape};

/// Longest chain of structs in the layout is far below this.
const MAX_NODES: usize = 16;

/// Room for the slots of the layout; checked when a decoder is made.
pub(crate) const MAX_SLOTS: usize = 96;

/// What became of a struct member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Presence {
    #[default]
    Absent,
    Object,
}

/// A member that no column takes, or whose column does not give it back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extra<'a> {
    /// The struct that the member stands in.
    pub(crate) node: usize,
    /// The name as it stands between its quotes.
    pub(crate) name: &'a [u8],
    pub(crate) value: Value<'a>,
}

/// One object of a log file, by the slots of [`Layout`]. Everything borrows from the source.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) slots: [Value<'a>; MAX_SLOTS],
    pub(crate) nodes: [Presence; MAX_NODES],
    pub(crate) extras: Vec<Extra<'a>>,
    /// Entries of `webIdFederationData.attributes`.
    pub(crate) map: Vec<((&'a [u8], bool), Value<'a>)>,
    /// Whether the map can be given back from its entries.
    pub(crate) map_exact: bool,
    /// Elements of `resources`.
    pub(crate) resources: Vec<Option<[Value<'a>; RESOURCE.len()]>>,
    pub(crate) resources_exact: bool,
    /// A member of the layout came twice, or its name was spelled with escapes: only the whole text is exact.
    pub(crate) verbatim: bool,
    /// The object from brace to brace.
    pub(crate) raw: &'a [u8],
    /// There is white space between its tokens.
    pub(crate) spaced: bool,
}

/// Reads objects into [`Record`]s; remembers in which order members came, since logs repeat themselves.
#[derive(Debug)]
pub(crate) struct RecordReader {
    layout: &'static Layout,
    /// By node and member: the member that followed it last time.
    followers: Vec<Vec<usize>>,
}

impl RecordReader {
    pub(crate) fn new() -> Self {
        let layout = Layout::get();
        assert!(layout.slots <= MAX_SLOTS && layout.nodes.len() <= MAX_NODES, "the layout outgrew its arrays");
        let followers = layout.nodes.iter().map(|node| (1..=node.members.len()).collect()).collect();
        Self { layout, followers }
    }

    /// Reads the object at `scanner`, which stands at its opening brace, into `record`, which is new.
    ///
    /// The record is the caller's, as it is too large to be handed around.
    pub(crate) fn read<'a>(
        &mut self,
        bytes: &'a [u8],
        scanner: &mut Scanner<'a>,
        record: &mut Record<'a>,
    ) -> Result<(), Stop> {
        let start = scanner.at;
        scanner.spaced = false;
        self.read_node(scanner, bytes, ROOT, record)?;
        record.raw = &bytes[start..scanner.at];
        record.spaced = scanner.spaced;
        Ok(())
    }

    fn read_node<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        bytes: &'a [u8],
        node: usize,
        record: &mut Record<'a>,
    ) -> Result<(), Stop> {
        record.nodes[node] = Presence::Object;
        if !scanner.open(b'}')? {
            return Ok(());
        }
        let mut previous = None;
        loop {
            let (name, escaped) = scanner.key()?;
            match self.find(node, previous, name, escaped) {
                Some(member) => {
                    let place = self.layout.nodes[node].members[member];
                    record.verbatim |= escaped;
                    self.read_member(scanner, bytes, node, place, name, record)?;
                    previous = Some(member);
                }
                None => {
                    let value = scanner.value()?;
                    record.extras.push(Extra { node, name, value });
                }
            }
            if !scanner.more(b'}')? {
                return Ok(());
            }
        }
    }

    fn read_member<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        bytes: &'a [u8],
        node: usize,
        place: Place,
        name: &'a [u8],
        record: &mut Record<'a>,
    ) -> Result<(), Stop> {
        let first = scanner.peek()?;
        if let Kind::Struct(_) = place.kind {
            record.verbatim |= record.nodes[place.index] == Presence::Object || record.has_extra(node, name);
            if first == b'{' {
                self.clear(place.index, record);
                return self.read_node(scanner, bytes, place.index, record);
            }
            let value = scanner.value()?;
            record.extras.push(Extra { node, name, value });
            return Ok(());
        }
        record.verbatim |= record.slots[place.index] != Value::Absent;
        record.slots[place.index] = match (place.kind, first) {
            (Kind::Resources, b'[') => self.read_resources(scanner, bytes, record)?,
            (Kind::Map, b'{') => read_map(scanner, bytes, record)?,
            _ => scanner.value()?,
        };
        Ok(())
    }

    fn read_resources<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        bytes: &'a [u8],
        record: &mut Record<'a>,
    ) -> Result<Value<'a>, Stop> {
        let start = scanner.at;
        record.resources.clear();
        record.resources_exact = true;
        let mut more = scanner.open(b']')?;
        while more {
            if scanner.peek()? == b'{' {
                let (element, exact) = read_resource(scanner)?;
                record.resources.push(Some(element));
                record.resources_exact &= exact;
            } else {
                scanner.value()?;
                record.resources.push(None);
            }
            more = scanner.more(b']')?;
        }
        Ok(Value::Nested { raw: &bytes[start..scanner.at], spaced: scanner.spaced })
    }

    /// The member of `node` that `name` names; members that followed `previous` before are tried first.
    fn find(&mut self, node: usize, previous: Option<usize>, name: &[u8], escaped: bool) -> Option<usize> {
        let members = &self.layout.nodes[node].members;
        if escaped {
            let mut plain = Vec::with_capacity(name.len());
            unescape(name, &mut plain);
            return members.iter().position(|place| place.name.as_bytes() == plain);
        }
        let guess = previous.map_or(0, |previous| self.followers[node][previous]);
        if members.get(guess).is_some_and(|place| place.name.as_bytes() == name) {
            return Some(guess);
        }
        let found = members.iter().position(|place| place.name.as_bytes() == name)?;
        if let Some(previous) = previous {
            self.followers[node][previous] = found;
        }
        Some(found)
    }

    /// Forgets what an earlier member of the same name left behind.
    fn clear(&self, node: usize, record: &mut Record<'_>) {
        if record.nodes[node] == Presence::Absent {
            return;
        }
        for place in &self.layout.nodes[node].members {
            match place.kind {
                Kind::Struct(_) => {
                    self.clear(place.index, record);
                    record.nodes[place.index] = Presence::Absent;
                }
                _ => record.slots[place.index] = Value::Absent,
            }
        }
    }
}

impl Record<'_> {
    pub(crate) fn new() -> Self {
        Self {
            slots: [Value::Absent; MAX_SLOTS],
            nodes: [Presence::Absent; MAX_NODES],
            extras: Vec::new(),
            map: Vec::new(),
            map_exact: true,
            resources: Vec::new(),
            resources_exact: true,
            verbatim: false,
            raw: &[],
            spaced: false,
        }
    }

    fn has_extra(&self, node: usize, name: &[u8]) -> bool {
        self.extras.iter().any(|extra| extra.node == node && extra.name == name)
    }
}

/// Reads one element of `resources`; false where its columns do not give it back.
fn read_resource<'a>(scanner: &mut Scanner<'a>) -> Result<([Value<'a>; RESOURCE.len()], bool), Stop> {
    let mut element = [Value::Absent; RESOURCE.len()];
    let mut exact = true;
    let mut more = scanner.open(b'}')?;
    while more {
        let (name, escaped) = scanner.key()?;
        let value = scanner.value()?;
        match RESOURCE.iter().position(|member| member.name.as_bytes() == name) {
            Some(member) if !escaped => {
                exact &= element[member] == Value::Absent && value.is_some();
                element[member] = value;
            }
            _ => exact = false,
        }
        more = scanner.more(b'}')?;
    }
    Ok((element, exact))
}

fn read_map<'a>(scanner: &mut Scanner<'a>, bytes: &'a [u8], record: &mut Record<'a>) -> Result<Value<'a>, Stop> {
    let start = scanner.at;
    record.map.clear();
    record.map_exact = true;
    let mut more = scanner.open(b'}')?;
    while more {
        let key = scanner.key()?;
        let value = scanner.value()?;
        // Two spellings of one key would come back as one or two, depending on the reader.
        record.map_exact &= !key.1 && value.is_some() && record.map.iter().all(|(other, _)| *other != key);
        record.map.push((key, value));
        more = scanner.more(b'}')?;
    }
    Ok(Value::Nested { raw: &bytes[start..scanner.at], spaced: scanner.spaced })
}
