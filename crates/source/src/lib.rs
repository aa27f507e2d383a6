//! Finds, lists, reads and unpacks CloudTrail log files. What is in them is not this crate's concern.

mod key;
mod listing;
mod unpack;

pub use key::{Kind, LogKey};
pub use listing::{Listing, LogFile, SourceError, list};
pub use unpack::{ReadError, Unpacker};
