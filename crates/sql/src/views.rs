//! The views that people want on the first day.
//!
//! Each is a filter over `cloudtrail_logs` with its columns, so that pruning works through it. This is their one place:
//! the shell's `\dt`, the documentation and the session all read this list.

/// A view that every session has.
#[derive(Debug, Clone, Copy)]
pub struct BuiltInView {
    /// Name in SQL.
    pub name: &'static str,
    /// One line on what it holds.
    pub summary: &'static str,
    /// Its columns, as SQL.
    pub columns: &'static str,
    /// The condition that its rows meet.
    pub condition: &'static str,
}

/// Every column under its own name.
const ALL: &str = "*";

/// Tailpipe's names. Its members of structs are found without their underscores; see the dialect's planner.
const TAILPIPE: &str = "eventversion AS event_version, useridentity AS user_identity, eventtime AS event_time, \
    eventsource AS event_source, eventname AS event_name, awsregion AS aws_region, \
    sourceipaddress AS source_ip_address, useragent AS user_agent, errorcode AS error_code, \
    errormessage AS error_message, requestparameters AS request_parameters, responseelements AS response_elements, \
    additionaleventdata AS additional_event_data, requestid AS request_id, eventid AS event_id, \
    to_json(array_transform(resources, r -> named_struct('accountId', r['accountid'], 'ARN', r['arn'], \
        'type', r['type']))) AS resources, \
    eventtype AS event_type, apiversion AS api_version, readonly AS read_only, managementevent AS management_event, \
    recipientaccountid AS recipient_account_id, serviceeventdetails AS service_event_details, \
    sharedeventid AS shared_event_id, vpcendpointid AS vpc_endpoint_id, eventcategory AS event_category, \
    tlsdetails AS tls_details, sessioncredentialfromconsole AS session_credential_from_console, \
    edgedevicedetails AS edge_device_details, addendum, \
    eventid AS tp_id, eventtime AS tp_timestamp, \"date\" AS tp_date, account AS tp_index, \
    'default' AS tp_partition, 'aws_cloudtrail_log' AS tp_table, 'aws_s3_bucket' AS tp_source_type, \
    CAST(NULL AS varchar) AS tp_source_name, sourcefile AS tp_source_location, sourceipaddress AS tp_source_ip, \
    CAST(NULL AS varchar) AS tp_destination_ip, array_filter(make_array(sourceipaddress), x -> x IS NOT NULL) AS tp_ips, \
    array_filter(array_transform(resources, r -> r['arn']), x -> x IS NOT NULL) AS tp_akas, \
    array_filter(make_array(CASE WHEN useridentity['accesskeyid'] LIKE 'AKIA%' THEN useridentity['accesskeyid'] END, \
        useridentity['username']), x -> x IS NOT NULL) AS tp_usernames, \
    CAST(make_array() AS varchar[]) AS tp_domains, CAST(make_array() AS varchar[]) AS tp_emails, \
    CAST(make_array() AS varchar[]) AS tp_tags, CAST(NULL AS timestamp) AS tp_ingest_timestamp";

/// The views, in the order in which they are listed.
pub const BUILT_IN_VIEWS: &[BuiltInView] = &[
    BuiltInView {
        name: "management_events",
        summary: "Control-plane calls, sign-ins and service events",
        columns: ALL,
        condition: "eventcategory = 'Management'",
    },
    BuiltInView {
        name: "data_events",
        summary: "Calls on the content of resources: S3 objects, Lambda invocations, DynamoDB items",
        columns: ALL,
        condition: "eventcategory = 'Data'",
    },
    BuiltInView {
        name: "network_activity_events",
        summary: "Calls through VPC endpoints",
        columns: ALL,
        condition: "eventcategory = 'NetworkActivity'",
    },
    BuiltInView {
        name: "insights_events",
        summary: "Unusual call and error rates found by CloudTrail Insights",
        columns: ALL,
        condition: "eventcategory = 'Insight'",
    },
    BuiltInView {
        name: "aggregated_events",
        summary: "Five-minute summaries of data events",
        columns: ALL,
        condition: "eventcategory = 'Aggregated'",
    },
    BuiltInView {
        name: "console_signins",
        summary: "Sign-ins to the console, with their steps (MFA checks, role switches, federation)",
        columns: ALL,
        condition: "eventtype = 'AwsConsoleSignIn' \
                    OR (eventsource = 'signin.amazonaws.com' \
                        AND eventname IN ('ConsoleLogin', 'SwitchRole', 'ExitRole', 'RenewRole', 'CheckMfa'))",
    },
    BuiltInView {
        name: "errors",
        summary: "Calls that failed or were denied",
        columns: ALL,
        // A failed sign-in to the console has a message and no code.
        condition: "errorcode IS NOT NULL OR errormessage IS NOT NULL",
    },
    BuiltInView {
        name: "changes",
        summary: "Calls that changed something: every event that is not marked read-only",
        columns: ALL,
        condition: "readonly IS NOT TRUE AND eventcategory IN ('Management', 'Data', 'NetworkActivity')",
    },
    BuiltInView {
        name: "aws_cloudtrail_log",
        summary: "Every event under the names of Tailpipe's table",
        columns: TAILPIPE,
        condition: "TRUE",
    },
];

impl BuiltInView {
    /// Returns the query of the view over `table`.
    pub fn query(&self, table: &str) -> String {
        format!("SELECT {} FROM {table} WHERE {}", self.columns, self.condition)
    }
}
