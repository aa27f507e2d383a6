//! The columns of `cloudtrail_logs`: names as in Athena's DDL, types as decided for the lake.
//!
//! Source of the names: Athena User Guide, "Create a table for CloudTrail logs in Athena using manual
//! partitioning", and CloudTrail User Guide, "CloudTrail record contents" for the newer fields.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// Time zone of every timestamp column.
pub const UTC: &str = "UTC";

/// Partition column: the event's `awsRegion`, or [`UNKNOWN_REGION`].
pub const REGION: &str = "region";

/// Partition column: the UTC day of `eventtime`, NULL where the time cannot be read.
pub const DATE: &str = "date";

/// Value of the `region` partition for events without a usable `awsRegion`.
pub const UNKNOWN_REGION: &str = "unknown";

/// Returns the stored columns of an event, in table order, without the partition columns.
pub fn event_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(event_fields())));
    Arc::clone(&SCHEMA)
}

/// Returns [`event_schema`] followed by the partition columns `region` and `date`.
pub fn table_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let mut fields = event_fields();
        fields.push(text(REGION));
        fields.push(Field::new(DATE, DataType::Date32, true));
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// Fields of the `useridentity` struct.
pub fn user_identity_fields() -> Fields {
    let attributes = structure("attributes", vec![text("mfaauthenticated"), text("creationdate")]);
    let issuer = structure(
        "sessionissuer",
        vec![text("type"), text("principalid"), text("arn"), text("accountid"), text("username")],
    );
    let federation =
        structure("webidfederationdata", vec![text("federatedprovider"), Field::new("attributes", text_map(), true)]);
    let session = structure(
        "sessioncontext",
        vec![
            attributes,
            issuer,
            text("ec2roledelivery"),
            federation,
            text("sourceidentity"),
            text("ec2issuedinvpc"),
            text("assumedroot"),
            text("signinsessionarn"),
        ],
    );
    vec![
        text("type"),
        text("principalid"),
        text("arn"),
        text("accountid"),
        text("invokedby"),
        text("accesskeyid"),
        text("username"),
        structure("onbehalfof", vec![text("userid"), text("identitystorearn")]),
        session,
        text("identityprovider"),
        text("credentialid"),
        structure(
            "inscopeof",
            vec![text("sourcearn"), text("sourceaccount"), text("issuertype"), text("credentialsissuedto")],
        ),
        structure("invokedbydelegate", vec![text("accountid")]),
    ]
    .into()
}

/// Fields of one element of `resources`.
pub fn resource_fields() -> Fields {
    vec![text("arn"), text("arnprefix"), text("accountid"), text("type")].into()
}

/// Type of a `map<string,string>` column, as Athena and Delta have it.
pub fn text_map() -> DataType {
    let entries = Fields::from(vec![Field::new("key", DataType::Utf8, false), text("value")]);
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entries), false)), false)
}

/// Type of the `resources` column.
pub fn resource_list() -> DataType {
    DataType::List(Arc::new(Field::new("element", DataType::Struct(resource_fields()), true)))
}

fn event_fields() -> Vec<Field> {
    vec![
        text("eventversion"),
        Field::new("useridentity", DataType::Struct(user_identity_fields()), true),
        Field::new("eventtime", DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())), true),
        text("eventsource"),
        text("eventname"),
        text("awsregion"),
        text("sourceipaddress"),
        text("useragent"),
        text("errorcode"),
        text("errormessage"),
        text("requestparameters"),
        text("responseelements"),
        text("additionaleventdata"),
        text("requestid"),
        text("eventid"),
        Field::new("resources", resource_list(), true),
        text("eventtype"),
        text("apiversion"),
        Field::new("readonly", DataType::Boolean, true),
        text("recipientaccountid"),
        text("serviceeventdetails"),
        text("sharedeventid"),
        text("vpcendpointid"),
        text("vpcendpointaccountid"),
        text("eventcategory"),
        structure(
            "addendum",
            vec![text("reason"), text("updatedfields"), text("originalrequestid"), text("originaleventid")],
        ),
        text("sessioncredentialfromconsole"),
        text("edgedevicedetails"),
        structure(
            "tlsdetails",
            vec![text("tlsversion"), text("ciphersuite"), text("clientprovidedhostheader"), text("keyexchange")],
        ),
        Field::new("managementevent", DataType::Boolean, true),
        text("insightdetails"),
        text("eventcontext"),
        text("annotation"),
        text("summary"),
        text("timewindow"),
        text("unmapped"),
        text("sourcefile"),
    ]
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn structure(name: &str, fields: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(fields.into()), true)
}
