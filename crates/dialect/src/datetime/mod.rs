//! Dates and times as Trino has them.

mod arithmetic;
mod buckets;
mod duration;
mod epoch;
mod format;
mod functions;
mod iso;
mod items;
mod moment;
mod pattern;
mod spans;
mod truncate;

pub(crate) use duration::{MILLIS_PER_DAY, SPAN_ORDER};
pub(crate) use functions::{functions, moment_literal};
pub(crate) use iso::{TextRange, text_range};
pub(crate) use items::Item;
pub(crate) use pattern::mysql_pattern;
pub(crate) use spans::{interval_over, interval_type};
