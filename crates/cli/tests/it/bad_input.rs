//! Bad input gets a clear message and exit code, and the good files come through.

use std::path::Path;

use crate::support::{Place, outcome, records, testdata};

/// Ingests `logs/` with one good file in it; returns exit code and stderr.
fn ingest(place: &Place) -> (i32, String) {
    place.log("good.json", records(0, 10));
    let result = outcome(&place.trailql().args(["ingest", "logs"]).output().unwrap());
    let good = place.rows().iter().filter(|row| row.contains("event-")).count();
    assert_eq!(good, 10, "the good file came through");
    result
}

#[test]
fn files_that_cannot_be_read_are_named_with_the_reason() {
    for (file, reason) in [
        ("truncated.json.gz", "damaged gzip"),
        ("bomb.json.gz", "gzip bomb"),
        ("not-json.json", "not JSON"),
        ("empty.json", "empty"),
        ("truncated.json", "truncated"),
        ("utf16.json", "UTF-16"),
        ("trailing-garbage.json.gz", "damaged gzip"),
    ] {
        let place = Place::new();
        place.log(file, std::fs::read(testdata("made/bad").join(file)).unwrap());
        let (code, message) = ingest(&place);
        assert_eq!(code, 1, "{message}");
        assert!(message.contains(file) && message.contains(reason), "{file}: {message}");
        assert!(message.contains("_rejected/"), "{message}");
    }
}

#[test]
fn records_that_are_no_events_are_counted_and_kept_aside() {
    for (file, reason) in [
        ("other-json.json", "no CloudTrail event"),
        ("not-utf8.json", "not UTF-8"),
        ("no-event.json", "no CloudTrail event"),
    ] {
        let place = Place::new();
        place.log(file, std::fs::read(testdata("made/bad").join(file)).unwrap());
        let (code, message) = ingest(&place);
        assert_eq!(code, 1, "{message}");
        assert!(message.contains("rejected"), "{message}");
        let kept = kept_aside(&place.path("lake/_rejected"));
        assert!(kept.contains(reason) && kept.contains(file), "{file}: {kept}");
    }
}

fn kept_aside(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { text += &kept_aside(&path) } else { text += &std::fs::read_to_string(path).unwrap() }
    }
    text
}

#[test]
fn an_event_without_a_readable_time_is_kept() {
    let place = Place::new();
    place.log("a.json", r#"{"eventVersion":"1.08","eventID":"1","eventTime":"soon"}"#);
    let output = place.trailql().args(["ingest", "logs"]).output().unwrap();
    let (code, message) = outcome(&output);
    assert_eq!(code, 0, "{message}");
    assert!(message.contains("no readable time"), "{message}");
    assert_eq!(place.rows().len(), 1);
}

#[test]
fn a_file_of_fifty_megabytes_is_read() {
    let place = Place::new();
    let event = |n: usize| {
        format!(
            r#"{{"eventVersion":"1.08","eventID":"{n}","eventTime":"2024-03-01T10:00:00Z","requestParameters":"{}"}}"#,
            "x".repeat(50_000)
        )
    };
    let events: Vec<String> = (0..1000).map(event).collect();
    place.log("large.json", format!("{{\"Records\":[{}]}}", events.join(",")));
    let account = place.ingest();
    assert_eq!((account["kept"].as_u64(), account["rejected"].as_u64()), (Some(1000), Some(0)));
}

#[cfg(unix)]
#[test]
fn odd_file_names_and_dangling_links() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    std::fs::create_dir_all(place.path("logs")).unwrap();
    let odd = place.path("logs").join(OsStr::from_bytes(b"na\xFFme \n'\".json"));
    std::fs::write(odd, records(10, 5)).unwrap();
    std::os::unix::fs::symlink("/nowhere", place.path("logs/gone.json")).unwrap();
    place.log("good.json", records(0, 10));
    let (code, message) = outcome(&place.trailql().args(["ingest", "logs"]).output().unwrap());
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("gone.json cannot be read"), "{message}");
    assert_eq!(place.rows().len(), 15);
}

#[cfg(unix)]
#[test]
fn files_without_permission_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let path = place.log("secret.json", records(10, 5));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let (code, message) = ingest(&place);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("secret.json cannot be read: Permission denied"), "{message}");
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("empty")).unwrap();
    for (args, reason) in [
        (&["ingest", "nowhere"][..], "no such file or folder"),
        (&["ingest", "empty"], "no log files"),
        (&["ingest", "gs://bucket/prefix"], "not supported"),
        (&["ingest", "s3://"], "not a URL of S3"),
        (&["ingest"], "there is nothing to ingest"),
        (&["ingest", "--since", "soon", "empty"], "give a time"),
        (&["lake", "info"], "no lake at"),
        (&["nonsense"], "unrecognized"),
    ] {
        let (code, message) = outcome(&place.trailql().args(args).output().unwrap());
        assert_eq!(code, 2, "{args:?}: {message}");
        assert!(message.contains(reason), "{args:?}: {message}");
    }
    place.log("good.json", records(0, 3));
    let output = place.trailql().args(["ingest", "--where", "errrcode = 'x'", "logs"]).output().unwrap();
    let (code, message) = outcome(&output);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("errrcode"), "{message}");
    assert!(!place.path("lake").exists(), "nothing was made for a command that could not run");
}
