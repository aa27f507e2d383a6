//! The settings in force.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use crate::error::ConfigError;
use crate::file;
use crate::keys::{KEYS, Key, find};
use crate::value::{Value, parse_bytes, parse_span};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing said otherwise.
    Default,
    /// The configuration file, with the line.
    File {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(&'static str),
    /// An option of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// Every setting in force, by its key such as `lakes.prod.url`.
#[derive(Debug, Clone, Default)]
pub struct Config {
    settings: BTreeMap<String, Setting>,
    file: Option<PathBuf>,
}

impl Config {
    /// Reads the file named by the user, or the nearest one from `folder` upwards, and the environment over it.
    ///
    /// No file at all is fine unless the user named one.
    pub fn load(named: Option<&Path>, folder: &Path) -> Result<Self, ConfigError> {
        Self::load_with(named, folder, |name| std::env::var(name).ok())
    }

    fn load_with(
        named: Option<&Path>,
        folder: &Path,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut config =
            Self { file: named.map(Path::to_owned).or_else(|| file::find_file(folder)), ..Self::default() };
        for key in KEYS {
            if let Some(value) = key.default.and_then(|text| Value::parse(text, key.kind)) {
                config.settings.insert(key.path.to_owned(), Setting { value, origin: Origin::Default });
            }
        }
        if let Some(path) = &config.file {
            config.settings.extend(file::read(path)?);
        }
        for (key, name) in KEYS.iter().flat_map(|key| key.environment.iter().rev().map(move |name| (key, *name))) {
            if let Some(text) = environment(name).filter(|text| !text.is_empty()) {
                config.set(key, &text, Origin::Environment(name))?;
            }
        }
        Ok(config)
    }

    /// Puts an option of the command line over what file and environment say.
    pub fn set_flag(&mut self, path: &'static str, flag: &'static str, text: &str) -> Result<(), ConfigError> {
        match find(&path.split('.').collect::<Vec<_>>()) {
            Some(key) => self.set(key, text, Origin::Flag(flag)),
            None => Ok(()),
        }
    }

    fn set(&mut self, key: &Key, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let value = Value::parse(text, key.kind).ok_or_else(|| ConfigError::Value {
            origin: origin.to_string(),
            key: key.path.to_owned(),
            kind: key.kind,
            value: text.to_owned(),
        })?;
        self.settings.insert(key.path.to_owned(), Setting { value, origin });
        Ok(())
    }

    /// The file that was read.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Every setting with its key, in the order of [`KEYS`], then by name.
    pub fn settings(&self) -> Vec<(&str, &Setting)> {
        let mut settings: Vec<_> = self.settings.iter().map(|(path, setting)| (path.as_str(), setting)).collect();
        settings.sort_by_key(|(path, _)| {
            let parts: Vec<&str> = path.split('.').collect();
            let section = KEYS.iter().position(|key| key.path.split('.').next() == parts.first().copied());
            let name = (parts.len() == 3).then(|| parts[1].to_owned());
            (section, name, KEYS.iter().position(|key| key.matches(&parts)))
        });
        settings
    }

    /// The setting of a key.
    pub fn get(&self, path: &str) -> Option<&Setting> {
        self.settings.get(path)
    }

    /// The names that the user gave below a section, such as those of `lakes`.
    pub fn names(&self, section: &str) -> Vec<&str> {
        let below = self.settings.keys().filter_map(|path| path.strip_prefix(section)?.strip_prefix('.'));
        let mut names: Vec<&str> = below.filter_map(|rest| rest.rsplit_once('.').map(|(name, _)| name)).collect();
        names.dedup();
        names
    }

    /// The keys of a section whose keys are the user's own names, such as `tables`.
    pub fn keys_of(&self, section: &str) -> Vec<&str> {
        self.settings.keys().filter_map(|path| path.strip_prefix(section)?.strip_prefix('.')).collect()
    }

    /// The text of a key.
    pub fn text(&self, path: &str) -> Option<&str> {
        match &self.get(path)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The texts of a key; none where it is not set.
    pub fn list(&self, path: &str) -> &[String] {
        match self.get(path).map(|setting| &setting.value) {
            Some(Value::List(texts)) => texts,
            _ => &[],
        }
    }

    /// Whether a key says `true`.
    pub fn is_true(&self, path: &str) -> bool {
        self.get(path).is_some_and(|setting| setting.value == Value::Boolean(true))
    }

    /// The span of time of a key.
    pub fn span(&self, path: &str) -> Option<TimeDelta> {
        self.text(path).and_then(|text| parse_span(text).ok())
    }

    /// The size of a key, in bytes.
    pub fn bytes(&self, path: &str) -> Option<u64> {
        self.text(path).and_then(|text| parse_bytes(text).ok())
    }

    /// Folder or URL of the lake in force: `lake` is a name of `[lakes]`, or a place itself.
    pub fn lake_url(&self) -> Result<&str, ConfigError> {
        let lake = self.text("lake").unwrap_or_default();
        let key = format!("lakes.{lake}.url");
        match self.text(&key) {
            Some(url) => Ok(url),
            None if self.names("lakes").contains(&lake) => {
                Err(ConfigError::Missing { key, reason: format!("[lakes.{lake}] says nothing of where the lake is") })
            }
            None => Ok(lake),
        }
    }
}

#[cfg(test)]
mod tests;
