//! CloudTrail events: from JSON bytes to Arrow record batches, and back.
//!
//! [`Decoder`] reads log files of any envelope in one pass and builds batches of [`event_schema`]; [`event_json`]
//! gives each row's event back as JSON. Nothing is dropped on the way: what has no column, or what its column would
//! not give back exactly, is kept in the column `unmapped`.
//!
//! `unmapped` is a JSON object nested like the event, with these rules:
//!
//! - a member that no column holds stands where it stood in the event;
//! - a value that its column would not give back (another type, a time in another spelling, `null` where the member is
//!   usually left out) stands there too, and wins over the column;
//! - `"$absent"` lists members that are usually there but are not in this event: `requestParameters` and
//!   `responseElements`, which are `null` in most events, and `eventCategory` since version 1.07; and `insightDetails`
//!   where CloudTrail Lake's flat members were put together to it;
//! - `"$event"` alone holds the whole event where nothing less is exact: a member came twice (its column holds the last
//!   one, as most JSON readers have it), or its name was spelled with escapes.

mod batch;
mod category;
mod columns;
mod decoder;
mod equal;
mod error;
mod event_json;
mod insight;
mod key;
mod model;
mod record;
mod scan;
mod schema;
mod time;

pub use batch::DecodedBatch;
pub use decoder::{Decoder, FileAccount, MAX_VALUE_BYTES, Reject};
pub use equal::same_json;
pub use error::{Damage, EventError};
pub use event_json::event_json;
pub use key::EventKey;
pub use schema::{DATE, REGION, SOURCE_FILE, UNKNOWN_REGION, UNMAPPED, UTC, event_schema, table_schema};
