#![allow(clippy::unwrap_used)]

use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;

use crate::test_lake::{Layout, TestEvent, TestLake, event};

/// Three days in two regions, eight events each, sorted by principal as ingest sorts them.
fn events() -> Vec<TestEvent> {
    let mut events = Vec::new();
    for day in 1..=3 {
        for region in ["eu-west-1", "us-east-1"] {
            for n in 0..8 {
                let user = n / 4;
                let mut made = event(&[
                    ("eventtime", &format!("2024-03-0{day}T1{n}:00:00Z")),
                    ("awsregion", region),
                    ("eventid", &format!("id-{day}-{region}-{n}")),
                    ("eventname", if n % 2 == 0 { "GetObject" } else { "PutObject" }),
                    ("eventsource", "s3.amazonaws.com"),
                    ("sourcefile", &format!("bucket/file-{day}.json.gz")),
                    ("recipientaccountid", if day == 1 { "111111111111" } else { "222222222222" }),
                    ("useridentity.type", if user == 0 { "AssumedRole" } else { "IAMUser" }),
                    ("useridentity.arn", &format!("arn:aws:iam::1:user/{region}-{day}-{user}")),
                    ("useridentity.accesskeyid", &format!("AKIA{day}{region}{}", (n * 7) % 8)),
                    ("useridentity.accountid", "333333333333"),
                    ("useridentity.sessioncontext.sessionissuer.username", &format!("role-{user}")),
                ]);
                if day == 3 {
                    made.remove("recipientaccountid");
                }
                events.push(made);
            }
        }
    }
    events
}

async fn lake() -> TestLake {
    TestLake::write(&events(), Layout::default()).await
}

async fn run(session: &SessionContext, sql: &str) -> String {
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

/// The one line of the physical plan that is about the scan.
async fn scan_line(session: &SessionContext, sql: &str) -> String {
    let text = run(session, &format!("EXPLAIN FORMAT INDENT {sql}")).await;
    let line = text.lines().find(|line| line.contains("DataSourceExec"));
    line.unwrap_or_else(|| panic!("no scan in {text}")).trim_matches(['|', ' ']).to_owned()
}

async fn assert_scan(sql: &str, expected: &str) {
    let line = scan_line(&lake().await.session(), sql).await;
    assert!(line.contains(&format!("{expected},")), "{sql}\n  expected {expected}\n  got {line}");
}

#[tokio::test]
async fn partition_names_prune_files_exactly() {
    for filter in [
        "region = 'us-east-1' AND date = DATE '2024-03-02'",
        "region LIKE 'us-%' AND year = '2024' AND month = '03' AND day = '02'",
        "region = 'us-east-1' AND timestamp = '2024/03/02'",
        "region <> 'eu-west-1' AND timestamp > '2024/03/01' AND day < '03'",
        "region IN ('us-east-1', 'us-west-2') AND (day = '02' OR date > '2024-12-31')",
    ] {
        let line =
            scan_line(&lake().await.session(), &format!("SELECT eventid FROM cloudtrail_logs WHERE {filter}")).await;
        assert!(line.contains("files=1/6,"), "{filter}: {line}");
        assert!(!line.contains("row_groups"), "no footer is needed for {filter}: {line}");
    }
}

#[tokio::test]
async fn event_time_prunes_partitions_with_and_without_statistics() {
    let sql = "SELECT eventid FROM cloudtrail_logs WHERE eventtime >= '2024-03-03T00:00:00Z'";
    for with_stats in [true, false] {
        let lake = TestLake::write(&events(), Layout { with_stats, ..Layout::default() }).await;
        let line = scan_line(&lake.session(), sql).await;
        assert!(line.contains("files=2/6, row_groups=4/4"), "{line}");
    }
    assert_scan(
        "SELECT 1 FROM cloudtrail_logs WHERE CAST(eventtime AS DATE) = DATE '2024-03-01' AND eventname LIKE 'Get%'",
        "files=2/6, row_groups=4/4",
    )
    .await;
}

#[tokio::test]
async fn truncated_times_prune_as_times() {
    for (filter, expected) in [
        ("date_trunc('day', eventtime) = TIMESTAMP '2024-03-02T00:00:00Z'", "files=2/6, row_groups=4/4"),
        ("date_trunc('hour', eventtime) > TIMESTAMP '2024-03-03T00:00:00Z'", "files=2/6, row_groups=4/4"),
        ("TIMESTAMP '2024-03-01T00:00:00Z' >= date_trunc('day', eventtime)", "files=2/6, row_groups=4/4"),
        ("date_trunc('month', eventtime) < TIMESTAMP '2024-01-01T00:00:00Z'", "files=0/6, row_groups=0/0"),
    ] {
        assert_scan(&format!("SELECT eventid FROM cloudtrail_logs WHERE {filter}"), expected).await;
    }
    // Under NOT, the wider filter would be the narrower one.
    let line = scan_line(
        &lake().await.session(),
        "SELECT 1 FROM cloudtrail_logs WHERE NOT (date_trunc('day', eventtime) = TIMESTAMP '2024-03-02T10:00:00Z')",
    )
    .await;
    assert!(line.contains("files=6/6"), "{line}");
}

#[tokio::test]
async fn statistics_of_struct_members_prune_files_and_row_groups() {
    assert_scan(
        "SELECT eventid FROM cloudtrail_logs WHERE useridentity.arn = 'arn:aws:iam::1:user/us-east-1-2-1'",
        "files=1/6, row_groups=1/2",
    )
    .await;
    // No Delta statistics for this one: every footer is read, every second row group goes.
    assert_scan(
        "SELECT eventid FROM cloudtrail_logs WHERE useridentity.type = 'IAMUser'",
        "files=6/6, row_groups=6/12",
    )
    .await;
    assert_scan(
        "SELECT 1 FROM cloudtrail_logs WHERE useridentity.sessioncontext.sessionissuer.username = 'role-1' AND day = '01'",
        "files=2/6, row_groups=2/4",
    )
    .await;
    assert_scan(
        "SELECT 1 FROM cloudtrail_logs WHERE useridentity.onbehalfof.userid IS NOT NULL",
        "files=0/6, row_groups=0/12",
    )
    .await;
}

#[tokio::test]
async fn bloom_filters_prune_where_ranges_overlap() {
    // Key 5 lies within the range of both row groups of its file.
    assert_scan(
        "SELECT eventid FROM cloudtrail_logs WHERE useridentity.accesskeyid = 'AKIA2us-east-15'",
        "files=1/6, row_groups=1/2",
    )
    .await;
    assert_scan(
        "SELECT eventid FROM cloudtrail_logs WHERE useridentity.accesskeyid IN ('AKIA2us-east-15', 'AKIA2us-east-15x')",
        "files=1/6, row_groups=1/2",
    )
    .await;
}

#[tokio::test]
async fn the_page_index_selects_rows_by_struct_members() {
    // Keys 4, 3 stand in one page, 2, 1 in the next; the filter on a plain column is left to DataFusion.
    assert_scan(
        "SELECT eventid FROM cloudtrail_logs WHERE useridentity.accesskeyid = 'AKIA2us-east-11' AND eventname <> 'x'",
        "files=1/6, row_groups=1/2, rows=2/4",
    )
    .await;
    let lake = lake().await;
    let text =
        run(&lake.session(), "SELECT eventid FROM cloudtrail_logs WHERE useridentity.accesskeyid = 'AKIA2us-east-11'")
            .await;
    assert!(text.contains("id-2-us-east-1-7"), "{text}");
}

#[tokio::test]
async fn event_json_is_rebuilt_when_asked_for() {
    let lake = lake().await;
    let session = lake.session();
    let sql = "SELECT eventjson FROM cloudtrail_logs WHERE eventid = 'id-1-us-east-1-0'";
    let text = run(&session, sql).await;
    let json: serde_json::Value = serde_json::from_str(text.lines().nth(3).unwrap().trim_matches(['|', ' '])).unwrap();
    assert_eq!(json["eventID"], "id-1-us-east-1-0");
    assert_eq!(json["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"], "role-0");
    let filtered = "SELECT count(*) AS n FROM cloudtrail_logs WHERE eventjson LIKE '%role-1%' AND day = '01'";
    assert!(run(&session, filtered).await.contains("| 8 "));
    run(&session, "SET datafusion.execution.parquet.pushdown_filters = true").await;
    assert!(run(&session, filtered).await.contains("| 8 "));
}

#[tokio::test]
async fn virtual_columns_prune_through_what_they_are_made_of() {
    assert_scan(
        "SELECT 1 FROM cloudtrail_logs WHERE \"$path\" = 'bucket/file-2.json.gz'",
        "files=2/6, row_groups=4/12",
    )
    .await;
    assert_scan("SELECT 1 FROM cloudtrail_logs WHERE account = '111111111111'", "files=2/6, row_groups=4/12").await;
    assert_scan("SELECT 1 FROM cloudtrail_logs WHERE accountid = '000000000000'", "files=0/6, row_groups=0/12").await;
    assert_scan(
        "SELECT 1 FROM cloudtrail_logs WHERE month = '04' OR eventid = 'id-1-us-east-1-0'",
        "files=1/6, row_groups=1/2",
    )
    .await;
}

#[tokio::test]
async fn virtual_columns_have_values() {
    let sql = "SELECT year, month, day, timestamp, account, accountid, \"$path\", count(*) AS n FROM cloudtrail_logs \
               WHERE region = 'us-east-1' GROUP BY ALL ORDER BY day";
    let expected = "\
+------+-------+-----+------------+--------------+--------------+-----------------------+---+
| year | month | day | timestamp  | account      | accountid    | $path                 | n |
+------+-------+-----+------------+--------------+--------------+-----------------------+---+
| 2024 | 03    | 01  | 2024/03/01 | 111111111111 | 111111111111 | bucket/file-1.json.gz | 8 |
| 2024 | 03    | 02  | 2024/03/02 | 222222222222 | 222222222222 | bucket/file-2.json.gz | 8 |
| 2024 | 03    | 03  | 2024/03/03 | 333333333333 | 333333333333 | bucket/file-3.json.gz | 8 |
+------+-------+-----+------------+--------------+--------------+-----------------------+---+";
    let sql = sql.replace("GROUP BY ALL", "GROUP BY year, month, day, timestamp, account, accountid, \"$path\"");
    assert_eq!(run(&lake().await.session(), &sql).await, expected);
}

#[tokio::test]
async fn counting_needs_no_file() {
    let lake = lake().await;
    let session = lake.session();
    for (sql, rows) in [
        ("SELECT count(*) AS n FROM cloudtrail_logs", 48),
        ("SELECT count(*) AS n FROM cloudtrail_logs WHERE region = 'us-east-1'", 24),
        ("SELECT count(*) AS n FROM cloudtrail_logs WHERE year = '2024' AND day IN ('01', '02')", 32),
        ("SELECT count(*) AS n FROM cloudtrail_logs WHERE region = 'nowhere'", 0),
    ] {
        let text = run(&session, sql).await;
        assert!(text.contains(&format!("| {rows} ")), "{sql}: {text}");
    }
    assert_eq!(lake.store.take_bytes_read(), 0);
}

#[tokio::test]
async fn one_struct_member_is_read_without_its_siblings() {
    let lake = lake().await;
    for (member, whole) in [
        ("SELECT useridentity.arn FROM cloudtrail_logs", "SELECT useridentity FROM cloudtrail_logs"),
        (
            "SELECT max(useridentity.arn) FROM cloudtrail_logs",
            "SELECT max(useridentity.arn), max(useridentity.type) FROM cloudtrail_logs",
        ),
        ("SELECT account FROM cloudtrail_logs", "SELECT account, useridentity.arn FROM cloudtrail_logs"),
        (
            "SELECT useridentity.arn, count(*) FROM cloudtrail_logs WHERE day >= '02' GROUP BY useridentity.arn",
            "SELECT useridentity.arn, useridentity.type, count(*) FROM cloudtrail_logs WHERE day >= '02' GROUP BY 1, 2",
        ),
    ] {
        let session = lake.session();
        let (member, whole) = (bytes_scanned(&session, member).await, bytes_scanned(&session, whole).await);
        assert!(member < whole, "{member} bytes for the member, {whole} bytes for more");
    }
    let line = scan_line(&lake.session(), "SELECT useridentity.arn FROM cloudtrail_logs").await;
    assert!(line.contains("projection=[get_field(useridentity"), "{line}");
}

async fn bytes_scanned(session: &SessionContext, sql: &str) -> usize {
    let plan = session.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    datafusion::physical_plan::collect(std::sync::Arc::clone(&plan), session.task_ctx()).await.unwrap();
    let mut node = plan;
    while let Some(child) = node.children().first().map(|child| std::sync::Arc::clone(child)) {
        node = child;
    }
    node.metrics().unwrap().sum_by_name("bytes_scanned").unwrap().as_usize()
}

#[tokio::test]
async fn newest_first_with_a_limit_skips_older_files() {
    let lake = lake().await;
    let session = lake.session();
    let sql = "SELECT eventid FROM cloudtrail_logs WHERE region = 'us-east-1' ORDER BY eventtime DESC LIMIT 2";
    let expected = "\
+------------------+
| eventid          |
+------------------+
| id-3-us-east-1-7 |
| id-3-us-east-1-6 |
+------------------+";
    assert_eq!(run(&session, sql).await, expected);
    assert!(scan_line(&session, sql).await.contains("DynamicFilter"));
    let limited = run(&session, "SELECT eventid FROM cloudtrail_logs LIMIT 3").await;
    assert_eq!(limited.lines().count(), 3 + 4);
}

#[tokio::test]
async fn text_members_behave_as_text() {
    let session = lake().await.session();
    for (filter, rows) in [
        ("useridentity.arn LIKE '%/us-east-1-1-_'", 8),
        ("useridentity.arn IN ('arn:aws:iam::1:user/us-east-1-1-0', 'x')", 4),
        ("useridentity.arn ILIKE '%US-EAST%'", 24),
        ("useridentity.accountid = account", 16),
        ("upper(eventname) = 'GETOBJECT'", 24),
        ("eventname || useridentity.type = 'GetObjectIAMUser'", 12),
    ] {
        let text = run(&session, &format!("SELECT count(*) AS n FROM cloudtrail_logs WHERE {filter}")).await;
        assert!(text.contains(&format!("| {rows} ")), "{filter}: {text}");
    }
    let joined = "SELECT count(*) AS n FROM cloudtrail_logs a JOIN cloudtrail_logs b \
                  ON a.useridentity.arn = b.useridentity.arn AND a.recipientaccountid = b.account";
    assert!(run(&session, joined).await.contains("| 128 "));
}

#[tokio::test]
async fn plan_shows_projection_and_predicate() {
    let sql =
        "SELECT useridentity.arn FROM cloudtrail_logs WHERE useridentity.type = 'IAMUser' AND eventname = 'GetObject'";
    let line = scan_line(&lake().await.session(), sql).await;
    assert!(line.starts_with("DataSourceExec: files=6/6, row_groups=6/12, projection=["), "{line}");
    assert!(line.contains("predicate="), "{line}");
    assert!(!line.contains("part-0.parquet"), "{line}");
}

mod pruned_equals_full {
    //! Whatever is skipped, the rows are those of a scan that skips nothing.

    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, Date32Array, StringArray, UInt32Array};
    use arrow::compute::cast;
    use arrow::datatypes::{Field, Schema};
    use arrow::record_batch::RecordBatch;
    use chrono::{Days, NaiveDate};
    use datafusion::datasource::MemTable;
    use datafusion::prelude::{SessionConfig, SessionContext};
    use proptest::prelude::*;

    use crate::columns::{ACCOUNTS, REGIONS, query_schema};
    use crate::test_lake::{Layout, TestEvent, TestLake, batch, date, event, region};
    use crate::test_predicates::predicate;

    /// Few values, so that predicates hit and miss; NULL often.
    fn made_event() -> impl Strategy<Value = TestEvent> {
        let text = |name: &'static str| {
            prop::option::of(prop::sample::select(vec!["a", "b", "b\u{10ffff}", "c", ""])).prop_map(move |v| (name, v))
        };
        let names = [
            "eventname",
            "eventid",
            "recipientaccountid",
            "sourcefile",
            "errorcode",
            "useridentity.arn",
            "useridentity.accountid",
            "useridentity.accesskeyid",
            "useridentity.sessioncontext.sessionissuer.arn",
        ];
        let texts: Vec<_> = names.into_iter().map(text).collect();
        let time = prop::option::weighted(0.9, (28_u32..34, 0_u32..24, 0_u32..999_999));
        let region = prop::option::of(prop::sample::select(vec!["us-east-1", "eu-west-1"]));
        let readonly = prop::option::of(any::<bool>());
        (texts, time, region, readonly).prop_map(|(texts, time, region, readonly)| {
            let mut made = event(&[]);
            made.extend(texts.into_iter().filter_map(|(name, value)| value.map(|value| (name, value.to_owned()))));
            made.extend(time.map(|(day, hour, micros)| {
                let day = NaiveDate::from_ymd_opt(2024, 2, 1).unwrap() + Days::new(u64::from(day));
                ("eventtime", format!("{day}T{hour:02}:00:00.{micros:06}Z"))
            }));
            made.extend(region.map(|region| ("awsregion", region.to_owned())));
            made.extend(readonly.map(|readonly| ("readonly", readonly.to_string())));
            made
        })
    }

    /// Every column of the table, computed here and not by the crate.
    fn full_table(events: &[TestEvent]) -> RecordBatch {
        let events: Vec<&TestEvent> = events.iter().collect();
        let stored = batch(&events);
        let days = || {
            events
                .iter()
                .map(|event| date(event).map(|days| NaiveDate::default() + Days::new(u64::try_from(days).unwrap())))
        };
        let texts = |format: &'static str| {
            Arc::new(days().map(|day| day.map(|day| day.format(format).to_string())).collect::<StringArray>())
                as ArrayRef
        };
        let account = || {
            let value = |event: &&TestEvent| {
                event.get("recipientaccountid").or_else(|| event.get("useridentity.accountid")).cloned()
            };
            Arc::new(events.iter().map(value).collect::<StringArray>()) as ArrayRef
        };
        let query = query_schema();
        let columns = query.fields().iter().map(|field| {
            let values: ArrayRef = match field.name().as_str() {
                name if name == "region" || REGIONS.contains(&name) => {
                    Arc::new(events.iter().map(|event| Some(region(event))).collect::<StringArray>())
                }
                "date" => Arc::new(events.iter().map(|event| date(event)).collect::<Date32Array>()),
                "year" => texts("%Y"),
                "month" => texts("%m"),
                "day" => texts("%d"),
                "timestamp" | "date_partition" | "p_date" | "dt" | "ingest_date" => texts("%Y/%m/%d"),
                name if ACCOUNTS.contains(&name) => account(),
                "$path" => Arc::clone(stored.column_by_name("sourcefile").unwrap()),
                "eventjson" => arrow::array::new_null_array(field.data_type(), events.len()),
                name => Arc::clone(stored.column_by_name(name).unwrap()),
            };
            cast(&values, field.data_type()).unwrap()
        });
        let rows = UInt32Array::from_iter_values(0..u32::try_from(events.len()).unwrap());
        let fields = query_schema()
            .fields()
            .iter()
            .cloned()
            .chain([Arc::new(Field::new("row", rows.data_type().clone(), false))])
            .collect::<Vec<_>>();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.chain([Arc::new(rows) as ArrayRef]).collect())
            .unwrap()
    }

    const COLUMNS: &str = "eventid, eventname, eventtime, region, date, year, account, \"$path\", useridentity.arn, \
                           useridentity.sessioncontext.sessionissuer.arn, readonly";

    async fn rows(session: &SessionContext, predicate: &str) -> Vec<String> {
        let sql = format!("SELECT {COLUMNS} FROM cloudtrail_logs WHERE {predicate}");
        let batches = session.sql(&sql).await.unwrap().collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        let mut rows: Vec<String> = text
            .lines()
            .skip(3)
            .filter(|line| !line.starts_with('+'))
            .map(|line| line.split_whitespace().collect())
            .collect();
        rows.sort();
        rows
    }

    async fn check(events: Vec<TestEvent>, layout: Layout, predicates: Vec<String>) {
        let lake = TestLake::write(&events, layout).await;
        let full = full_table(&events);
        let oracle = SessionContext::new();
        let memory = MemTable::try_new(full.schema(), vec![vec![full]]).unwrap();
        oracle.register_table("cloudtrail_logs", Arc::new(memory)).unwrap();
        for late in [false, true] {
            let config = SessionConfig::new()
                .with_target_partitions(2)
                .set_bool("datafusion.execution.parquet.pushdown_filters", late);
            let session = SessionContext::new_with_config(config);
            session.register_table("cloudtrail_logs", Arc::new(lake.table())).unwrap();
            for predicate in &predicates {
                assert_eq!(
                    rows(&session, predicate).await,
                    rows(&oracle, predicate).await,
                    "{predicate} (late {late})"
                );
                let count = format!("SELECT count(*) FROM cloudtrail_logs WHERE {predicate}");
                let (counted, expected) = (super::run(&session, &count).await, super::run(&oracle, &count).await);
                assert_eq!(counted, expected, "{count} (late {late})");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn for_random_predicates(
            events in prop::collection::vec(made_event(), 1..40),
            (rows_per_file, rows_per_group, with_stats) in (1_usize..12, 1_usize..6, any::<bool>()),
            predicates in prop::collection::vec(predicate(), 4),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(check(events, Layout { rows_per_file, rows_per_group, with_stats }, predicates));
        }
    }
}
