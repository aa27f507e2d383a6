//! The queries that are bundled, or those of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

use crate::error::ReportError;
use crate::pack::Pack;
use crate::query::Query;

/// Paths and texts of the bundled library.
const BUNDLED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// Likeness, from 0 to 1, from which a misspelt name is taken for another.
const NEAR: f64 = 0.75;

/// Queries by name, and the packs that map controls to them.
#[derive(Debug, Clone, Default)]
pub struct Library {
    queries: BTreeMap<String, Query>,
    packs: Vec<Pack>,
}

/// What a user asked for, as queries.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The queries, each once, in the order in which they are asked for.
    pub queries: Vec<Query>,
    /// The packs that were named.
    pub packs: Vec<Pack>,
    /// Paths of queries that came from files or folders on disk that the user named.
    on_disk: Vec<String>,
}

impl Library {
    /// The library that is part of the program.
    pub fn bundled() -> Result<Self, ReportError> {
        let files = BUNDLED.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Self::of(files.collect())
    }

    /// The library in a folder: its `.sql` files, and the packs among its `.toml` files.
    pub fn of_folder(folder: &Path) -> Result<Self, ReportError> {
        Self::of(read_folder(folder, &["sql", "toml"])?)
    }

    fn of(files: Vec<(String, String)>) -> Result<Self, ReportError> {
        let mut library = Self::default();
        for (path, text) in files {
            if path.ends_with(".toml") {
                library.packs.push(Pack::parse(&path, &text)?);
                continue;
            }
            let query = Query::parse(&path, &text)?;
            let name = query.header.name.clone();
            if let Some(known) = library.queries.get(&name) {
                return Err(ReportError::Twice { name, first: known.path.clone(), second: path });
            }
            library.queries.insert(name, query);
        }
        for pack in &library.packs {
            if let Some(name) = pack.query_names().find(|name| !library.queries.contains_key(*name)) {
                let message = format!("no query is named '{name}'");
                return Err(ReportError::File { file: pack.path.clone(), message });
            }
        }
        Ok(library)
    }

    /// Every query, by folder and name.
    pub fn queries(&self) -> Vec<&Query> {
        let mut queries: Vec<_> = self.queries.values().collect();
        queries.sort_by(|a, b| a.path.cmp(&b.path));
        queries
    }

    /// Every pack, by name.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// The queries of `targets`: names of queries, folders and packs of the library, files and folders on disk.
    ///
    /// Of `tags`, a query must have one, or one that it begins (`cis` finds `cis:4.1`). No targets mean the library.
    pub fn select(&self, targets: &[String], tags: &[String]) -> Result<Selection, ReportError> {
        let mut selection = Selection::default();
        if targets.is_empty() {
            self.queries().into_iter().for_each(|query| selection.add(query.clone()));
        }
        for target in targets {
            self.add_target(target, &mut selection)?;
        }
        if !tags.is_empty() {
            selection.queries.retain(|query| has_tag(query, tags));
            if selection.queries.is_empty() {
                return Err(ReportError::Unknown { name: format!("tag {}", tags.join(", ")), hint: None });
            }
        }
        Ok(selection)
    }

    fn add_target(&self, target: &str, selection: &mut Selection) -> Result<(), ReportError> {
        let name = target.strip_suffix('/').unwrap_or(target);
        let of_folder: Vec<_> = self.queries().into_iter().filter(|query| query.folder() == name).cloned().collect();
        if let Some(query) = self.queries.get(name) {
            selection.add(query.clone());
        } else if let Some(pack) = self.packs.iter().find(|pack| pack.name == name) {
            pack.query_names().filter_map(|name| self.queries.get(name)).for_each(|query| selection.add(query.clone()));
            selection.packs.push(pack.clone());
        } else if !of_folder.is_empty() {
            of_folder.into_iter().for_each(|query| selection.add(query));
        } else if Path::new(target).exists() {
            selection.add_path(Path::new(target))?;
        } else {
            return Err(ReportError::Unknown { name: target.to_owned(), hint: self.nearest(name) });
        }
        Ok(())
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let names = self.queries.keys().chain(self.packs.iter().map(|pack| &pack.name));
        let scored = names.map(|known| (strsim::jaro_winkler(known, name), known));
        let (score, known) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (score >= NEAR).then(|| known.clone())
    }
}

impl Selection {
    fn add(&mut self, query: Query) {
        if !self.queries.iter().any(|known| known.path == query.path) {
            self.queries.push(query);
        }
    }

    fn add_path(&mut self, path: &Path) -> Result<(), ReportError> {
        let files = if path.is_dir() { read_folder(path, &["sql"])? } else { vec![read_file(path)?] };
        for (name, text) in files {
            let shown = if path.is_dir() { path.join(name).display().to_string() } else { name };
            self.on_disk.push(shown.clone());
            self.add(Query::parse(&shown, &text)?);
        }
        Ok(())
    }

    /// Parts the selection into assertions and the names of queries that assert nothing.
    ///
    /// A query on disk that the user named is an assertion without saying so; one of the library only by its `expect:`.
    pub fn into_assertions(mut self) -> (Self, Vec<String>) {
        let (assertions, others): (Vec<_>, Vec<_>) = self
            .queries
            .into_iter()
            .partition(|query| query.header.expect.is_some() || self.on_disk.contains(&query.path));
        self.queries = assertions;
        (self, others.into_iter().map(|query| query.header.name).collect())
    }
}

fn has_tag(query: &Query, tags: &[String]) -> bool {
    let matches = |own: &str, tag: &str| own == tag || own.strip_prefix(tag).is_some_and(|rest| rest.starts_with(':'));
    query.header.tags.iter().any(|own| tags.iter().any(|tag| matches(own, tag)))
}

/// Relative paths and texts of a folder's files with one of `endings`, sorted.
fn read_folder(folder: &Path, endings: &[&str]) -> Result<Vec<(String, String)>, ReportError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| ReportError::Read { path: folder.to_owned(), source: error.into() })?;
        let path = entry.path();
        let wanted = path.extension().and_then(|ending| ending.to_str()).is_some_and(|e| endings.contains(&e));
        if wanted && entry.file_type().is_file() {
            let relative = path.strip_prefix(folder).unwrap_or(path).display().to_string();
            files.push((relative, read_file(path)?.1));
        }
    }
    if files.is_empty() {
        let message = format!("no .{} files are there", endings.join(" or ."));
        return Err(ReportError::File { file: folder.display().to_string(), message });
    }
    Ok(files)
}

fn read_file(path: &Path) -> Result<(String, String), ReportError> {
    let text = fs::read_to_string(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    Ok((path.display().to_string(), text))
}
