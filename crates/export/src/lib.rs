//! Where results go: files on this machine and objects in S3, there whole or not at all.
//!
//! A [`Place`] says where. An [`Output`] takes the bytes of one file, compresses them if asked to, and puts the file in
//! its place only when it is finished: a file by renaming a temporary one, an object by completing an upload in parts. A
//! [`Folder`] does the same for many files together. What is dropped unfinished leaves nothing behind.

mod compression;
mod error;
mod folder;
mod local_file;
mod output;
mod place;
mod upload;

pub use compression::Compression;
pub use error::ExportError;
pub use folder::{Existing, Folder, SUCCESS_FILE};
pub use local_file::LocalFile;
pub use output::Output;
pub use place::Place;
