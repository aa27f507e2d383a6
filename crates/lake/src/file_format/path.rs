//! The names of data files.

use object_store::path::Path;
use uuid::Uuid;

/// Folder of the events without a readable time, as Hive names NULL.
const NO_DATE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Names a data file that does not exist yet: `region=us-east-1/date=2024-03-01/part-<uuid>.parquet`.
pub fn new_data_path(region: &str, date: Option<&str>) -> Path {
    let date = date.unwrap_or(NO_DATE);
    Path::from(format!("region={}/date={date}/part-{}.parquet", hive_escape(region), Uuid::new_v4()))
}

/// Whether [`new_data_path`] may have made this name.
pub fn is_data_path(path: &Path) -> bool {
    let parts: Vec<_> = path.parts().collect();
    let [region, date, file] = parts.as_slice() else { return false };
    let id = file.as_ref().strip_prefix("part-").and_then(|file| file.strip_suffix(".parquet"));
    region.as_ref().starts_with("region=")
        && date.as_ref().starts_with("date=")
        && id.is_some_and(|id| Uuid::parse_str(id).is_ok())
}

/// A partition value as part of a path; readers take the value itself from the Delta log.
fn hive_escape(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("_{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_names_that_it_makes() {
        for (region, date) in [("us-east-1", Some("2024-03-01")), ("../é☃ =", None)] {
            assert!(is_data_path(&new_data_path(region, date)), "{region}");
        }
    }

    #[test]
    fn takes_no_other_file_for_a_data_file() {
        for path in [
            "part-4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.parquet",
            "region=a/date=b/part-1.parquet",
            "region=a/date=b/c/part-4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.parquet",
            "other/date=b/part-4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.parquet",
            "region=a/date=b/notes.txt",
            "_delta_log/00000000000000000000.json",
        ] {
            assert!(!is_data_path(&Path::from(path)), "{path}");
        }
    }
}
