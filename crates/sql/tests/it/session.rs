//! Names, views, types, parameters and what a session may change.

use trailql_sql::{Format, SqlError, split_statements};

use crate::support::{rows, run, session};

#[tokio::test]
async fn star_leaves_out_virtual_columns() {
    let header = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let session = session().await;
    for query in ["SELECT * FROM cloudtrail_logs", "SELECT * FROM Errors", "SELECT l.* FROM cloudtrail_logs l"] {
        let text = header(run(&session, query, Format::Csv).await.unwrap());
        assert!(text.ends_with(",region,date"), "{query}: {text}");
    }
    let text = header(run(&session, "SELECT *, \"$path\" FROM cloudtrail_logs", Format::Csv).await.unwrap());
    assert!(text.ends_with(",region,date,$path"), "{text}");
    let text =
        header(run(&session, "SELECT * FROM errors a JOIN changes b USING (region)", Format::Csv).await.unwrap());
    assert!(!text.contains("eventjson"), "{text}");
    let query = "CREATE VIEW v AS SELECT * FROM cloudtrail_logs; SELECT * FROM v";
    let text = header(run(&session, query, Format::Csv).await.unwrap());
    assert!(text.ends_with(",region,date"), "{text}");
    let text = header(run(&session, "SELECT * EXCLUDE (EventName) FROM cloudtrail_logs", Format::Csv).await.unwrap());
    assert!(!text.contains("eventname") && !text.contains("eventjson"), "{text}");
}

#[tokio::test]
async fn virtual_columns_come_by_name_through_views() {
    assert_eq!(rows("SELECT year, count(*) FROM changes GROUP BY year ORDER BY 1").await, ["2024,2", ",1"]);
}

#[tokio::test]
async fn names_resolve_in_any_case() {
    let query = "SELECT eventName, userIdentity.sessionContext.sessionIssuer.userName AS u \
                 FROM CloudTrail_Logs l WHERE l.userIdentity.type = 'AssumedRole'";
    assert_eq!(rows(query).await, ["GetObject,r"]);
    let query = "SELECT \"eventName\", \"userIdentity\".\"sessionContext\".\"sessionIssuer\".\"userName\" \
                 FROM cloudtrail_logs WHERE \"errorCode\" IS NOT NULL";
    assert_eq!(rows(query).await, ["GetObject,r"]);
    let query = "SELECT upper(eventname) AS \"eventName\" FROM cloudtrail_logs ORDER BY \"eventName\" LIMIT 1";
    assert_eq!(rows(query).await, ["CONSOLELOGIN"]);
}

#[tokio::test]
async fn booleans_compare_with_text() {
    let count = async |condition: &str| {
        rows(&format!("SELECT count(*) FROM cloudtrail_logs WHERE {condition}")).await.remove(0)
    };
    assert_eq!(count("readonly = 'true'").await, "1");
    assert_eq!(count("readOnly = 'True'").await, "1");
    assert_eq!(count("'false' = readonly").await, "2");
    assert_eq!(count("readonly <> 'true'").await, "2");
    assert_eq!(count("managementevent = 'false'").await, "1");
    assert_eq!(count("readonly IN ('true', 'false')").await, "3");
    assert_eq!(count("readonly NOT IN ('true')").await, "2");
    assert_eq!(count("readonly = 'yes'").await, "0");
    assert_eq!(count("readonly = lower('TRUE')").await, "1");
    assert_eq!(count("CASE readonly WHEN 'true' THEN 1 ELSE 0 END = 1").await, "1");
    assert_eq!(count("EXISTS (SELECT 1 FROM errors e WHERE e.readonly IN ('true', 'x'))").await, "4");
    assert_eq!(rows("SELECT readonly = 'true' FROM errors").await, ["true"]);
}

#[tokio::test]
async fn times_compare_with_text() {
    let count = async |condition: &str| {
        rows(&format!("SELECT count(*) FROM cloudtrail_logs WHERE {condition}")).await.remove(0)
    };
    assert_eq!(count("eventtime > '2024-03-01'").await, "3");
    assert_eq!(count("eventtime >= '2024-03-01T11:30:00Z'").await, "2");
    assert_eq!(count("eventtime BETWEEN '2024-03-01 10:30:00' AND '2024-03-01 23:59:59'").await, "1");
    assert_eq!(count("eventtime < timestamp '2024-03-02 00:00:00'").await, "2");
    assert_eq!(count("eventtime >= date '2024-03-02'").await, "1");
    assert_eq!(count("date = '2024-03-02'").await, "1");
    assert_eq!(rows("SELECT eventtime FROM errors").await, ["2024-03-01T11:30:00.250Z"]);
}

#[tokio::test]
async fn nulls_sort_last_both_ways() {
    assert_eq!(rows("SELECT eventid FROM cloudtrail_logs ORDER BY eventtime DESC").await, ["e3", "e2", "e1", "e4"]);
    assert_eq!(rows("SELECT eventid FROM cloudtrail_logs ORDER BY eventtime").await, ["e1", "e2", "e3", "e4"]);
}

#[tokio::test]
async fn every_view_has_rows_of_its_kind() {
    let ids = async |view: &str| rows(&format!("SELECT eventid FROM {view} ORDER BY eventid")).await;
    assert_eq!(ids("management_events").await, ["e1", "e3", "e4"]);
    assert_eq!(ids("data_events").await, ["e2"]);
    assert_eq!(ids("network_activity_events").await, Vec::<String>::new());
    assert_eq!(ids("insights_events").await, Vec::<String>::new());
    assert_eq!(ids("aggregated_events").await, Vec::<String>::new());
    assert_eq!(ids("console_signins").await, ["e1"]);
    assert_eq!(ids("errors").await, ["e2"]);
    assert_eq!(ids("changes").await, ["e1", "e3", "e4"]);
}

#[tokio::test]
async fn parameters_take_the_type_of_their_place() {
    let session = session().await;
    for (name, value) in [("since", "2024-03-01T11:00:00Z"), ("name", "GetObject"), ("ro", "true"), ("n", "1")] {
        session.set_parameter(name, value);
    }
    let csv = async |query: &str| run(&session, query, Format::Csv).await.unwrap().replace("\r\n", "|");
    assert_eq!(csv("SELECT eventid FROM cloudtrail_logs WHERE eventtime > $since ORDER BY 1").await, "eventid|e2|e3|");
    assert_eq!(
        csv("SELECT eventid FROM cloudtrail_logs WHERE eventname = $name AND readonly = $ro").await,
        "eventid|e2|"
    );
    assert_eq!(csv("SELECT eventid FROM cloudtrail_logs ORDER BY eventid LIMIT $n").await, "eventid|e1|");
    assert_eq!(csv("SELECT $Name AS x").await, "x|GetObject|");
    let missing = run(&session, "SELECT $nope", Format::Csv).await.unwrap_err();
    assert!(matches!(missing, SqlError::MissingParameter { ref name } if name == "nope"), "{missing}");
    session.set_parameter("since", "yesterday");
    let wrong = run(&session, "SELECT 1 FROM cloudtrail_logs WHERE eventtime > $since", Format::Csv).await.unwrap_err();
    assert_eq!(wrong.to_string(), "$since = 'yesterday' is no timestamp");
}

#[tokio::test]
async fn refuses_to_change_the_lake() {
    let session = session().await;
    for sql in [
        "DROP TABLE cloudtrail_logs",
        "INSERT INTO cloudtrail_logs SELECT * FROM cloudtrail_logs",
        "EXPLAIN ANALYZE INSERT INTO cloudtrail_logs SELECT * FROM (SELECT *, eventjson, year, month, day, \"timestamp\", account, accountid, \"$path\" FROM cloudtrail_logs)",
        "DELETE FROM cloudtrail_logs WHERE eventid = 'e1'",
        "UPDATE cloudtrail_logs SET eventname = 'x'",
        "DROP VIEW errors",
        "CREATE OR REPLACE VIEW errors AS SELECT 1",
        "CREATE TABLE cloudtrail_logs AS SELECT 1",
        "TRUNCATE TABLE cloudtrail_logs",
    ] {
        let result = run(&session, sql, Format::Csv).await;
        assert!(result.is_err(), "{sql}");
    }
    assert_eq!(rows("SELECT count(*) FROM cloudtrail_logs").await, ["4"]);
}

#[tokio::test]
async fn allows_views_and_tables_of_its_own() {
    let session = session().await;
    let script = "CREATE TABLE t AS SELECT eventid AS \"Id\" FROM errors; CREATE VIEW v AS SELECT \"Id\" FROM t; \
                  INSERT INTO t VALUES ('e9'); SET datafusion.execution.batch_size = 1024";
    run(&session, script, Format::Csv).await.unwrap();
    let text = run(&session, "SELECT \"Id\" FROM v ORDER BY 1", Format::Csv).await.unwrap();
    assert_eq!(text, "Id\r\ne2\r\ne9\r\n");
}

#[tokio::test]
async fn replaced_tables_show_in_views() {
    let session = session().await;
    let empty = {
        let schema = session.context().table_provider("cloudtrail_logs").await.unwrap().schema();
        datafusion::datasource::MemTable::try_new(schema, vec![vec![]]).unwrap()
    };
    run(&session, "CREATE VIEW mine AS SELECT eventid FROM errors", Format::Csv).await.unwrap();
    session.set_logs(std::sync::Arc::new(empty)).await.unwrap();
    assert_eq!(run(&session, "SELECT eventid FROM mine", Format::Csv).await.unwrap(), "eventid\r\n");
}

#[tokio::test]
async fn reports_rows_and_time() {
    let session = session().await;
    let statement = split_statements("SELECT eventid FROM cloudtrail_logs").remove(0);
    let mut answer = session.run(&statement).await.unwrap();
    while answer.next().await.unwrap().is_some() {}
    assert_eq!(answer.metrics().rows, 4);
}

#[tokio::test]
async fn describes_its_tables() {
    let session = session().await;
    let tables = session.tables().await;
    let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names[0], "cloudtrail_logs");
    assert!(names.contains(&"errors"));
    let kinds = |name: &str| tables[0].columns.iter().find(|column| column.name == name).map(|c| c.kind.name());
    assert_eq!((kinds("eventname"), kinds("region"), kinds("$path")), (Some(""), Some("partition"), Some("virtual")));
    assert!(session.functions().iter().any(|function| function.name == "count"));
}
