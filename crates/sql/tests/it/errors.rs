//! What people read when a query is wrong.

use trailql_sql::Format;

use crate::support::{run, session};

async fn error(sql: &str) -> String {
    run(&session().await, sql, Format::Csv).await.map_or_else(|error| error.to_string(), |rows| format!("rows: {rows}"))
}

#[tokio::test]
async fn point_at_the_place_and_suggest() {
    let queries = [
        "SELECT evntname FROM cloudtrail_logs",
        "SELECT event_name FROM cloudtrail_logs",
        "SELECT l.evntname FROM cloudtrail_logs l",
        "SELECT count(*) FROM cloudtrail_logs\nWHERE eventtime > '2024-01-01'\n  AND usernme = 'ann'",
        "SELECT username FROM cloudtrail_logs",
        "SELECT useridentity.arnn FROM cloudtrail_logs",
        "SELECT userIdentity.sessionContext.sessionIssuer.userNme FROM cloudtrail_logs",
        "SELECT useridentiy.arn FROM cloudtrail_logs",
        "SELECT useridentiy.sessioncontext.sessionissuer.username.x FROM cloudtrail_logs",
        "SELECT eventname FROM management_event",
        "SELECT cuont(*) FROM cloudtrail_logs",
        "SELECT qqqqqqqq(1)",
        "SELEC eventname FROM cloudtrail_logs",
        "SELECT eventname FROM cloudtrail_logs WHERE",
        "SELECT eventname,, eventid FROM cloudtrail_logs",
        "SELECT 'open FROM cloudtrail_logs",
        "SELECT eventid FROM errors a JOIN changes b ON a.eventname = b.eventname",
        "SELECT eventname FROM cloudtrail_logs GROUP BY eventid",
        "SELECT eventname + 1 FROM cloudtrail_logs",
        "SELECT cast(eventname AS int) FROM cloudtrail_logs",
        "SELECT eventtime > 'not a time' FROM cloudtrail_logs",
        "SELECT sum(eventname) FROM cloudtrail_logs",
        "SELECT 1/0 FROM cloudtrail_logs",
        "SELECT 1 FROM cloudtrail_logs WHERE eventname = 'ConsoleLogin' AND contains('10.0.0.0/8', CAST(eventsource AS IPADDRESS))",
        "SELECT eventname FROM nodb.users",
        "INSERT INTO cloudtrail_logs VALUES (1)",
        "DROP TABLE cloudtrail_logs",
        "SELECT 1; SELECT 2;\n  SELECT evntid FROM errors",
        "SELECT /* a long comment that pushes the place far to the right, further than a screen is wide */ eventname, eventsource, evntid, eventtime, awsregion, sourceipaddress FROM cloudtrail_logs",
    ];
    let mut report = String::new();
    for query in queries {
        report.push_str(&format!("> {}\n{}\n\n", query.replace('\n', "\n> "), error(query).await));
    }
    insta::assert_snapshot!(report);
}
