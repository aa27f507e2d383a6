//! What tells two events apart.

/// What identifies an event and its content in the ledger.
///
/// Two events with the same ID and content hash (96 bits together) are the same event; the same ID with another
/// content hash asks for a comparison of the events themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// XXH3-64 of the event ID, or of the content where an event has no ID.
    pub id: u64,
    /// XXH3-64 of the record's JSON without white space, cut to 32 bits.
    pub content: u32,
}
