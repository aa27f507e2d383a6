//! CloudTrail events: from JSON bytes to Arrow record batches, and back.

mod schema;

pub use schema::{
    DATE, REGION, UNKNOWN_REGION, UTC, event_schema, resource_fields, resource_list, table_schema, text_map,
    user_identity_fields,
};
