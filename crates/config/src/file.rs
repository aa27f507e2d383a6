//! Finding and reading `trailql.toml`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::config::{Origin, Setting};
use crate::error::ConfigError;
use crate::keys::{KEYS, Key, find};
use crate::value::{Kind, Value};

/// Name of the file that is looked for.
pub const FILE_NAME: &str = "trailql.toml";

/// Likeness, from 0 to 1, from which a misspelt key is taken for another.
const NEAR: f64 = 0.7;

/// Parts of names under which people look for a place for secrets.
const SECRETS: [&str; 4] = ["secret", "password", "token", "access_key"];

/// The file in `folder` or the nearest folder above it that has one.
pub(crate) fn find_file(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())
}

/// Every setting of the file at `path`, by its key.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Setting>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let file = File { path, text: &text, folder: path.parent().unwrap_or(Path::new("")) };
    let table = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: file.line(error.span().unwrap_or_default()),
        reason: error.message().to_owned(),
    })?;
    let mut settings = BTreeMap::new();
    file.read_table(table.get_ref(), &mut Vec::new(), &mut settings)?;
    Ok(settings)
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
    folder: &'a Path,
}

impl File<'_> {
    fn read_table(
        &self,
        table: &DeTable<'_>,
        above: &mut Vec<String>,
        settings: &mut BTreeMap<String, Setting>,
    ) -> Result<(), ConfigError> {
        for (name, value) in table {
            above.push(name.get_ref().to_string());
            let path: Vec<&str> = above.iter().map(String::as_str).collect();
            let line = self.line(name.span());
            if let Some(key) = find(&path) {
                let setting = self.read_value(key, value, &above.join("."), line)?;
                settings.insert(above.join("."), setting);
            } else if let (Some(inner), true) = (value.get_ref().as_table(), KEYS.iter().any(|key| key.is_below(&path)))
            {
                self.read_table(inner, above, settings)?;
            } else if let (Some(items), true) = (value.get_ref().as_array(), KEYS.iter().any(|key| key.is_below(&path)))
            {
                self.read_array(items, above, line, settings)?;
            } else {
                return Err(self.unknown(&path, line));
            }
            above.pop();
        }
        Ok(())
    }

    /// Reads `[[section]]` tables, which say their names themselves, like `[section.NAME]`.
    fn read_array(
        &self,
        items: &DeArray<'_>,
        above: &mut Vec<String>,
        line: usize,
        settings: &mut BTreeMap<String, Setting>,
    ) -> Result<(), ConfigError> {
        let section = above.join(".");
        let mut names = Vec::new();
        for item in items {
            let table = item.get_ref().as_table();
            let name = table.and_then(|table| table.get("name")).and_then(|name| name.get_ref().as_str());
            let (Some(table), Some(name)) = (table, name.filter(|name| !name.is_empty() && !name.contains('.'))) else {
                let reason = format!("line {line}: each [[{section}]] needs a name without dots");
                return Err(ConfigError::Missing { key: format!("{section}.name"), reason });
            };
            if names.contains(&name) {
                let reason = format!("line {line}: two [[{section}]] are named {name}");
                return Err(ConfigError::Missing { key: format!("{section}.name"), reason });
            }
            names.push(name);
            let mut rest = table.clone();
            rest.remove("name");
            above.push(name.to_owned());
            self.read_table(&rest, above, settings)?;
            above.pop();
        }
        Ok(())
    }

    fn read_value(
        &self,
        key: &Key,
        value: &Spanned<DeValue<'_>>,
        name: &str,
        line: usize,
    ) -> Result<Setting, ConfigError> {
        let origin = Origin::File { path: self.path.to_owned(), line };
        let read = self.convert(value.get_ref(), key.kind).filter(|value| value.is_of(key.kind));
        match read {
            Some(value) => Ok(Setting { value, origin }),
            None => Err(ConfigError::Value {
                origin: origin.to_string(),
                key: name.to_owned(),
                kind: key.kind,
                value: self.text.get(value.span()).unwrap_or_default().to_owned(),
            }),
        }
    }

    fn convert(&self, value: &DeValue<'_>, kind: Kind) -> Option<Value> {
        let place = |text: &str| match kind {
            Kind::Place | Kind::Places => self.resolve(text),
            _ => text.to_owned(),
        };
        Some(match value {
            DeValue::String(text) if matches!(kind, Kind::List | Kind::Places) => Value::List(vec![place(text)]),
            DeValue::String(text) => Value::Text(place(text)),
            DeValue::Integer(number) if kind == Kind::Bytes => Value::Text(number.to_string()),
            DeValue::Datetime(time) if kind == Kind::Time => Value::Text(time.to_string()),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| item.get_ref().as_str().map(place)).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// A path of the file is relative to the file's folder, wherever trailql is started.
    fn resolve(&self, place: &str) -> String {
        if place.contains("://") || Path::new(place).is_absolute() {
            return place.to_owned();
        }
        self.folder.join(place).to_string_lossy().into_owned()
    }

    fn unknown(&self, path: &[&str], line: usize) -> ConfigError {
        let written = path.join(".");
        let hint = if SECRETS.iter().any(|secret| written.contains(secret)) {
            Some("credentials do not belong into this file: they come from the environment, a profile or a role".into())
        } else {
            nearest(path).map(|key| format!("did you mean {key}?"))
        };
        ConfigError::UnknownKey { path: self.path.to_owned(), line, key: written, hint }
    }

    fn line(&self, span: Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// The key most like `path`, with the user's own names put in.
fn nearest(path: &[&str]) -> Option<String> {
    let candidates = KEYS.iter().map(|key| {
        let parts: Vec<&str> = key.path.split('.').collect();
        let named =
            parts.iter().enumerate().map(|(i, part)| if *part == "*" { path.get(i).unwrap_or(part) } else { part });
        // A section is compared with the sections.
        named.take(path.len()).copied().collect::<Vec<_>>().join(".")
    });
    let written = path.join(".");
    let scored = candidates.map(|candidate| (strsim::jaro_winkler(&candidate, &written), candidate));
    let (score, candidate) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score >= NEAR).then_some(candidate)
}
