//! The nearest name to a misspelt one.

use datafusion::arrow::datatypes::{DataType, Fields};

use crate::catalog::TableInfo;

/// Shortest beginning of a name, in characters, that says which name is meant.
const MIN_PREFIX: usize = 4;

/// Every name that a query may use, for suggestions.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) tables: Vec<String>,
    pub(crate) functions: Vec<String>,
    /// Columns, each with its type, without repetition.
    pub(crate) columns: Vec<(String, DataType)>,
}

impl Names {
    pub(crate) fn new(tables: &[TableInfo], functions: Vec<String>) -> Self {
        let mut columns: Vec<(String, DataType)> = Vec::new();
        for column in tables.iter().flat_map(|table| &table.columns) {
            if !columns.iter().any(|(name, _)| *name == column.name) {
                columns.push((column.name.clone(), column.data_type.clone()));
            }
        }
        Self { tables: tables.iter().map(|table| table.name.clone()).collect(), functions, columns }
    }

    /// Returns the column of `in_scope` nearest to `wanted`, or the struct member of that name by its whole path.
    pub(crate) fn nearest_column(&self, wanted: &str, in_scope: &[String]) -> Option<String> {
        let members = self.member_paths(in_scope);
        let leaf = |path: &String| path.rsplit('.').next().unwrap_or_default().to_owned();
        let same = |name: &str| squash(name) == squash(wanted);
        if let Some(column) = in_scope.iter().find(|column| same(column)) {
            return Some(column.clone());
        }
        if let Some(path) = members.iter().find(|path| same(&leaf(path))) {
            return Some(path.clone());
        }
        if let Some(column) = nearest(wanted, in_scope) {
            return Some(column.to_owned());
        }
        let leaves: Vec<String> = members.iter().map(leaf).collect();
        let near = nearest(wanted, &leaves)?;
        members.iter().find(|path| leaf(path) == near).cloned()
    }

    /// Returns the members beside `path`'s last part: of `[useridentity, arnn]` those of `useridentity`.
    pub(crate) fn siblings(&self, path: &[String]) -> Option<Vec<String>> {
        let (_, parents) = path.split_last()?;
        // The path may begin with a table's name.
        (0..parents.len()).find_map(|start| self.members(&parents[start..]))
    }

    fn members(&self, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let (_, data_type) = self.columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(first))?;
        let mut fields = struct_fields(data_type)?;
        for part in rest {
            let field = fields.iter().find(|field| field.name().eq_ignore_ascii_case(part))?;
            fields = struct_fields(field.data_type())?;
        }
        Some(fields.iter().map(|field| field.name().clone()).collect())
    }

    /// Lists the struct members of the columns in scope, outer ones first.
    fn member_paths(&self, in_scope: &[String]) -> Vec<String> {
        let mut level: Vec<(String, &DataType)> = self
            .columns
            .iter()
            .filter(|(name, _)| in_scope.contains(name))
            .map(|(name, data_type)| (name.clone(), data_type))
            .collect();
        let mut paths = Vec::new();
        while !level.is_empty() {
            let mut next = Vec::new();
            for (path, data_type) in level {
                for field in struct_fields(data_type).into_iter().flatten() {
                    next.push((format!("{path}.{}", field.name()), field.data_type()));
                }
            }
            paths.extend(next.iter().map(|(path, _)| path.clone()));
            level = next;
        }
        paths
    }
}

/// Returns the candidate nearest to `wanted`, if it is near enough to be meant.
pub(crate) fn nearest<'a>(wanted: &str, candidates: &'a [String]) -> Option<&'a str> {
    let squashed = squash(wanted);
    // A beginning counts more than letters in common: `source_ip` is meant as `sourceipaddress`.
    if squashed.chars().count() >= MIN_PREFIX
        && let Some(candidate) = candidates.iter().find(|candidate| squash(candidate).starts_with(&squashed))
    {
        return Some(candidate);
    }
    let allowed = 1 + squashed.chars().count() / 4;
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&squashed, &squash(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.as_str())
}

/// Takes away what spellings of one name differ in: case and underscores.
fn squash(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

fn struct_fields(data_type: &DataType) -> Option<&Fields> {
    match data_type {
        DataType::Struct(fields) => Some(fields),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let schema = trailql_event::table_schema();
        let columns = schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect();
        Names { columns, ..Names::default() }
    }

    fn column(wanted: &str) -> Option<String> {
        let names = names();
        let in_scope: Vec<String> = names.columns.iter().map(|(name, _)| name.clone()).collect();
        names.nearest_column(wanted, &in_scope)
    }

    #[test]
    fn finds_misspelt_columns() {
        assert_eq!(column("evntname").as_deref(), Some("eventname"));
        assert_eq!(column("event_name").as_deref(), Some("eventname"));
        assert_eq!(column("source_ip").as_deref(), Some("sourceipaddress"));
        assert_eq!(column("zzz"), None);
    }

    #[test]
    fn finds_members_by_their_leaf() {
        assert_eq!(column("arn").as_deref(), Some("useridentity.arn"));
        assert_eq!(
            column("mfaAuthenticated").as_deref(),
            Some("useridentity.sessioncontext.attributes.mfaauthenticated")
        );
        assert_eq!(column("acesskeyid").as_deref(), Some("useridentity.accesskeyid"));
    }

    #[test]
    fn knows_the_members_beside_one() {
        let path = ["logs", "useridentity", "sessioncontext", "x"].map(str::to_owned);
        assert!(names().siblings(&path).is_some_and(|members| members.contains(&"sessionissuer".to_owned())));
    }
}
