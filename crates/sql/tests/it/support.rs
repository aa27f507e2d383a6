//! A session over a few handmade events, with every kind of column.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use trailql_sql::{Format, FormatOptions, Session, SessionOptions, SqlError, split_statements};

const EVENTS: &str = r#"
{"eventid":"e1","eventtime":"2024-03-01T10:00:00Z","eventname":"ConsoleLogin","eventsource":"signin.amazonaws.com","eventtype":"AwsConsoleSignIn","eventcategory":"Management","awsregion":"us-east-1","readonly":false,"managementevent":true,"sourceipaddress":"198.51.100.7","useridentity":{"type":"IAMUser","arn":"arn:aws:iam::111111111111:user/ann","username":"ann","accountid":"111111111111"},"region":"us-east-1","date":"2024-03-01"}
{"eventid":"e2","eventtime":"2024-03-01T11:30:00.250Z","eventname":"GetObject","eventsource":"s3.amazonaws.com","eventtype":"AwsApiCall","eventcategory":"Data","awsregion":"eu-west-1","readonly":true,"managementevent":false,"errorcode":"AccessDenied","requestparameters":"{\"bucketName\":\"logs\"}","useridentity":{"type":"AssumedRole","arn":"arn:aws:sts::111111111111:assumed-role/r/s","sessioncontext":{"sessionissuer":{"type":"Role","username":"r"}}},"resources":[{"arn":"arn:aws:s3:::logs","type":"AWS::S3::Bucket"}],"region":"eu-west-1","date":"2024-03-01"}
{"eventid":"e3","eventtime":"2024-03-02T00:00:00Z","eventname":"RunInstances","eventsource":"ec2.amazonaws.com","eventtype":"AwsApiCall","eventcategory":"Management","awsregion":"us-east-1","readonly":false,"managementevent":true,"useridentity":{"type":"Root","arn":"arn:aws:iam::111111111111:root"},"region":"us-east-1","date":"2024-03-02"}
{"eventid":"e4","eventname":"Undated","eventsource":"x.amazonaws.com","eventcategory":"Management","region":"unknown"}
"#;

/// Makes a session whose `cloudtrail_logs` holds four events.
pub(crate) async fn session() -> Session {
    let session =
        Session::try_new(&SessionOptions { target_partitions: Some(2), ..SessionOptions::default() }).unwrap();
    let batch = batch();
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
    session.set_logs(Arc::new(table)).await.unwrap();
    session
}

/// Runs every statement of a script and returns what they write, or the first error.
pub(crate) async fn run(session: &Session, script: &str, format: Format) -> Result<String, SqlError> {
    let mut out = Vec::new();
    for statement in split_statements(script) {
        let mut answer = session.run(&statement).await?;
        if !answer.has_columns() {
            while answer.next().await?.is_some() {}
            continue;
        }
        let mut writer = format.writer(Box::new(&mut out), answer.schema(), &FormatOptions::default()).unwrap();
        while let Some(batch) = answer.next().await? {
            writer.write(&batch).unwrap();
        }
        writer.finish().unwrap();
    }
    Ok(String::from_utf8(out).unwrap())
}

/// Runs a script and returns its rows as CSV without the header line.
pub(crate) async fn rows(script: &str) -> Vec<String> {
    let text = run(&session().await, script, Format::Csv).await.unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

fn batch() -> RecordBatch {
    let stored = trailql_event::table_schema();
    let mut reader = ReaderBuilder::new(Arc::clone(&stored)).build(Cursor::new(EVENTS)).unwrap();
    let batch = reader.next().unwrap().unwrap();
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    let mut fields: Vec<_> = stored.fields().iter().cloned().collect();
    for name in trailql_table::VIRTUAL_COLUMNS {
        fields.push(Arc::new(Field::new(*name, DataType::Utf8, true)));
        columns.push(match *name {
            "year" => Arc::new(StringArray::from(vec![Some("2024"), Some("2024"), Some("2024"), None])),
            _ => new_null_array(&DataType::Utf8, batch.num_rows()),
        });
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    RecordBatch::try_new(schema, columns).unwrap()
}
