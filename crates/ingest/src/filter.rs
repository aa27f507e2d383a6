//! Which events of a batch are wanted.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::{DFSchema, DataFusionError, exec_err};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;
use trailql_event::event_schema;

use crate::error::IngestError;
use crate::options::Filters;

/// Filters ready to be applied.
#[derive(Debug, Clone)]
pub(crate) struct EventFilter {
    filters: Filters,
    condition: Option<Arc<dyn PhysicalExpr>>,
}

impl EventFilter {
    /// Fails with [`IngestError::Condition`] if the SQL condition is none.
    pub(crate) fn try_new(filters: &Filters) -> Result<Self, IngestError> {
        let condition = filters.condition.as_deref().map(compile).transpose()?;
        Ok(Self { filters: filters.clone(), condition })
    }

    /// The rows to keep; `None` for all of them.
    pub(crate) fn mask(&self, rows: &RecordBatch) -> Result<Option<BooleanArray>, IngestError> {
        if self.filters == Filters::default() {
            return Ok(None);
        }
        let plain = BooleanArray::from_iter((0..rows.num_rows()).map(|row| Some(self.takes(rows, row))));
        let Some(condition) = &self.condition else { return Ok(Some(plain)) };
        let evaluate = || -> Result<BooleanArray, DataFusionError> {
            let holds = condition.evaluate(rows)?.into_array(rows.num_rows())?;
            let Some(holds) = holds.as_boolean_opt() else { return exec_err!("it is not a condition") };
            // NULL is no yes.
            let holds = if holds.null_count() > 0 { prep_null_mask_filter(holds) } else { holds.clone() };
            Ok(arrow::compute::and(&plain, &holds)?)
        };
        evaluate().map(Some).map_err(|error| IngestError::Filter(Box::new(error)))
    }

    fn takes(&self, rows: &RecordBatch, row: usize) -> bool {
        let filters = &self.filters;
        if filters.since.is_some() || filters.until.is_some() {
            let times = rows["eventtime"].as_primitive::<TimestampMicrosecondType>();
            let time = times.is_valid(row).then(|| times.value(row));
            // An event without a readable time may lie in the range: it is kept rather than lost.
            let early = filters.since.is_some_and(|since| time.is_some_and(|time| time < since.timestamp_micros()));
            let late = filters.until.is_some_and(|until| time.is_some_and(|time| time >= until.timestamp_micros()));
            if early || late {
                return false;
            }
        }
        let region = || text(rows["awsregion"].as_string(), row);
        let account = || {
            let identity = rows["useridentity"].as_struct();
            let own = || identity.column_by_name("accountid").and_then(|ids| text(ids.as_string(), row));
            text(rows["recipientaccountid"].as_string(), row).or_else(own)
        };
        contains(&filters.regions, region) && contains(&filters.accounts, account)
    }
}

fn contains<'a>(wanted: &[String], value: impl FnOnce() -> Option<&'a str>) -> bool {
    wanted.is_empty() || value().is_some_and(|value| wanted.iter().any(|wanted| wanted == value))
}

fn text(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

fn compile(condition: &str) -> Result<Arc<dyn PhysicalExpr>, IngestError> {
    let compile = || -> Result<_, DataFusionError> {
        let session = SessionContext::new();
        let schema = DFSchema::try_from(event_schema())?;
        let expression = session.parse_sql_expr(condition, &schema)?;
        session.create_physical_expr(expression, &schema)
    };
    compile().map_err(|source| IngestError::Condition { condition: condition.to_owned(), source: Box::new(source) })
}

#[cfg(test)]
mod tests {
    use trailql_event::Decoder;

    use super::*;

    fn kept(filters: &Filters) -> Vec<bool> {
        let log =
            br#"[{"eventID":"1","eventTime":"2024-03-01T00:00:00Z","awsRegion":"us-east-1","recipientAccountId":"1"},
            {"eventID":"2","eventTime":"2024-03-02T00:00:00Z","awsRegion":"eu-west-1","userIdentity":{"accountId":"2"}},
            {"eventID":"3","eventTime":"?","errorCode":"AccessDenied","recipientAccountId":"1"}]"#;
        let mut decoder = Decoder::new();
        decoder.decode("file", log).1.expect("valid");
        let batch = decoder.finish().expect("valid").remove(0);
        let mask = EventFilter::try_new(filters).expect("valid").mask(&batch.rows).expect("applies");
        mask.map_or(vec![true; 3], |mask| mask.values().iter().collect())
    }

    #[test]
    fn takes_what_is_asked_for() {
        let time = |text: &str| Some(text.parse().expect("a time"));
        assert_eq!(kept(&Filters::default()), [true, true, true]);
        assert_eq!(kept(&Filters { since: time("2024-03-02T00:00:00Z"), ..Filters::default() }), [false, true, true]);
        assert_eq!(kept(&Filters { until: time("2024-03-02T00:00:00Z"), ..Filters::default() }), [true, false, true]);
        assert_eq!(kept(&Filters { accounts: vec!["2".to_owned()], ..Filters::default() }), [false, true, false]);
        assert_eq!(
            kept(&Filters { regions: vec!["us-east-1".to_owned()], ..Filters::default() }),
            [true, false, false]
        );
        let condition = |sql: &str| Filters { condition: Some(sql.to_owned()), ..Filters::default() };
        assert_eq!(kept(&condition("errorcode is not null")), [false, false, true]);
        assert_eq!(kept(&condition("errorcode = 'AccessDenied'")), [false, false, true]);
        assert_eq!(kept(&condition("useridentity.accountid = '2'")), [false, true, false]);
    }

    #[test]
    fn refuses_what_is_no_condition() {
        for sql in ["errrcode = 'x'", "eventname =", "eventname"] {
            let filters = Filters { condition: Some(sql.to_owned()), ..Filters::default() };
            let batch = RecordBatch::new_empty(event_schema());
            let outcome = EventFilter::try_new(&filters).and_then(|filter| filter.mask(&batch));
            assert!(outcome.is_err(), "{sql}");
        }
    }
}
