//! The views that people want on the first day.
//!
//! Each is a filter over `cloudtrail_logs` with all of its columns, so that pruning works through it. This is their one
//! place: the shell's `\dt`, the documentation and the session all read this list.

/// A view that every session has.
#[derive(Debug, Clone, Copy)]
pub struct BuiltInView {
    /// Name in SQL.
    pub name: &'static str,
    /// One line on what it holds.
    pub summary: &'static str,
    /// The condition that its rows meet.
    pub condition: &'static str,
}

/// The views, in the order in which they are listed.
pub const BUILT_IN_VIEWS: &[BuiltInView] = &[
    BuiltInView {
        name: "management_events",
        summary: "Control-plane calls, sign-ins and service events",
        condition: "eventcategory = 'Management'",
    },
    BuiltInView {
        name: "data_events",
        summary: "Calls on the content of resources: S3 objects, Lambda invocations, DynamoDB items",
        condition: "eventcategory = 'Data'",
    },
    BuiltInView {
        name: "network_activity_events",
        summary: "Calls through VPC endpoints",
        condition: "eventcategory = 'NetworkActivity'",
    },
    BuiltInView {
        name: "insights_events",
        summary: "Unusual call and error rates found by CloudTrail Insights",
        condition: "eventcategory = 'Insight'",
    },
    BuiltInView {
        name: "aggregated_events",
        summary: "Five-minute summaries of data events",
        condition: "eventcategory = 'Aggregated'",
    },
    BuiltInView {
        name: "console_signins",
        summary: "Sign-ins to the console, with their steps (MFA checks, role switches, federation)",
        condition: "eventtype = 'AwsConsoleSignIn' \
                    OR (eventsource = 'signin.amazonaws.com' \
                        AND eventname IN ('ConsoleLogin', 'SwitchRole', 'ExitRole', 'RenewRole', 'CheckMfa'))",
    },
    BuiltInView {
        name: "errors",
        summary: "Calls that failed or were denied",
        // A failed sign-in to the console has a message and no code.
        condition: "errorcode IS NOT NULL OR errormessage IS NOT NULL",
    },
    BuiltInView {
        name: "changes",
        summary: "Calls that changed something: every event that is not marked read-only",
        condition: "readonly IS NOT TRUE AND eventcategory IN ('Management', 'Data', 'NetworkActivity')",
    },
];

impl BuiltInView {
    /// Returns the query of the view over `table`.
    pub fn query(&self, table: &str) -> String {
        format!("SELECT * FROM {table} WHERE {}", self.condition)
    }
}
