//! Queries as reports and as assertions.
//!
//! A query becomes a report by a header of comments, and a report becomes an assertion by saying what must hold:
//!
//! ```sql
//! -- name: root_use
//! -- title: Use of the root user
//! -- severity: critical
//! -- tags: cis:4.3
//! -- columns: eventid text, eventtime timestamp
//! -- expect: no rows
//! -- key: eventid
//!
//! SELECT eventid, eventtime FROM cloudtrail_logs WHERE useridentity.type = 'Root';
//! ```
//!
//! [`Library`] holds the bundled queries or those of a folder, [`Runner`] runs them over a session, [`Report`] is what
//! came out: plain data that is drawn by the modules [`html`], [`junit`], [`sarif`], [`github`] and [`text`], and compared by
//! [`diff`]. Nothing here prints.

mod assertion;
mod baseline;
pub mod diff;
mod document;
mod error;
pub mod github;
mod header;
pub mod html;
pub mod junit;
mod library;
mod pack;
mod param;
mod query;
mod runner;
pub mod sarif;
mod severity;
pub mod text;
mod window;

pub use assertion::{Finding, Verdict};
pub use baseline::{Acceptance, Baseline};
pub use document::{Column, DrawnChart, Report, ReportedQuery, Source};
pub use error::ReportError;
pub use header::{Chart, ChartKind, ColumnSpec, Expectation, Header};
pub use library::{Library, Selection};
pub use pack::{Control, Pack};
pub use param::{Param, ParamKind};
pub use query::Query;
pub use runner::{Runner, RunnerOptions, count_events};
pub use severity::Severity;
pub use window::Window;
