//! `SHOW …` and `DESCRIBE` as Athena has them, spelled as queries.

use super::words::Words;

/// Spells a statement that lists something as a query; `None` for every other.
pub(super) fn respelled(text: &str) -> Option<String> {
    let words = &Words::new(text);
    let described = |at: usize| Some(format!("DESCRIBE {}", words.after(at.checked_sub(1)?).trim()));
    match (words.upper(0).as_str(), words.upper(1).as_str()) {
        ("SHOW", "TABLES") => Some(format!(
            "SELECT table_name AS tab_name FROM information_schema.tables WHERE table_schema = 'public'{} ORDER BY 1",
            pattern(words)
        )),
        ("SHOW", "VIEWS") => Some(format!(
            "SELECT table_name AS views FROM information_schema.tables \
             WHERE table_schema = 'public' AND table_type = 'VIEW'{} ORDER BY 1",
            pattern(words)
        )),
        ("SHOW", "DATABASES" | "SCHEMAS") => Some("SELECT 'default' AS database_name".to_owned()),
        ("SHOW", "COLUMNS") => described(3),
        ("SHOW", "PARTITIONS") => Some(format!(
            "SELECT DISTINCT concat('region=', region, '/date=', CAST(\"date\" AS varchar)) AS partition FROM {} \
             WHERE \"date\" IS NOT NULL ORDER BY 1",
            words.after(1).trim()
        )),
        ("SHOW", "CREATE") if words.upper(2) == "VIEW" => Some(format!("SHOW CREATE TABLE {}", words.last_of_name(3)?)),
        ("DESCRIBE" | "DESC", "EXTENDED" | "FORMATTED") => described(2),
        ("DESC", _) if words.token(1).is_some() => described(1),
        _ => None,
    }
}

/// `SHOW TABLES 'cloud*|trail'`, with `*` for anything; `LIKE 'cloud%'` as in Trino.
fn pattern(words: &Words) -> String {
    let Some(pattern) = words.literals().next_back() else { return String::new() };
    let pattern = pattern.replace('\'', "''");
    match words.position("LIKE") {
        Some(_) if pattern.contains('%') => format!(" AND table_name LIKE '{pattern}'"),
        _ => format!(" AND regexp_like(table_name, '^({})$')", pattern.replace(".*", "*").replace('*', ".*")),
    }
}
