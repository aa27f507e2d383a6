//! Finds, lists, reads and unpacks CloudTrail log files. What is in them is not this crate's concern.

mod key;
mod listing;
mod local;
mod read_ahead;
mod s3;
mod scope;
mod stdin;
mod unpack;

pub use key::{Kind, LogKey};
pub use listing::{Listing, LogFile, SourceError, list, local_identity, object_identity};
pub use read_ahead::{OpenFile, Opening, ReadAhead};
pub use scope::{DayRange, GLOBAL_REGIONS, ListingScope};
pub use unpack::{ReadError, Unpacker};
