//! Random predicates over the columns that pruning knows, for the tests of this crate.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

/// A predicate as SQL text.
pub(crate) fn predicate() -> impl Strategy<Value = String> {
    let column = prop::sample::select(vec![
        "eventname",
        "eventid",
        "recipientaccountid",
        "\"$path\"",
        "account",
        "accountid",
        "errorcode",
        "region",
        "year",
        "month",
        "day",
        "timestamp",
        "useridentity.arn",
        "useridentity.accountid",
        "useridentity.accesskeyid",
        "useridentity.sessioncontext.sessionissuer.arn",
    ]);
    let value = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "",
        "us-east-1",
        "unknown",
        "2024",
        "03",
        "02",
        "29",
        "2024/03/01",
        "aa",
    ]);
    let operator = prop::sample::select(vec!["=", "<>", "<", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]);
    let compare = (column.clone(), operator, value.clone()).prop_map(|(c, o, v)| format!("({c} {o} '{v}')"));
    let null =
        (column.clone(), any::<bool>()).prop_map(|(c, not)| format!("{c} IS {}NULL", if not { "NOT " } else { "" }));
    let list = (column.clone(), any::<bool>(), prop::collection::vec(value.clone(), 1..4))
        .prop_map(|(c, not, vs)| format!("{c} {}IN ('{}')", if not { "NOT " } else { "" }, vs.join("', '")));
    let like = (column.clone(), any::<bool>(), prop::sample::select(vec!["a%", "%b", "b%", "us-%", "0_", "%"]))
        .prop_map(|(c, not, p)| format!("{c} {}LIKE '{p}'", if not { "NOT " } else { "" }));
    let time = (
        prop::sample::select(vec!["eventtime", "date", "CAST(eventtime AS DATE)", "date_trunc('day', eventtime)"]),
        prop::sample::select(vec!["<", ">=", "=", "<="]),
        28_u64..34,
    )
        .prop_map(|(c, o, d)| {
            let day = NaiveDate::from_ymd_opt(2024, 2, 1).unwrap() + Days::new(d);
            format!("{c} {o} '{day}'")
        });
    let flag = prop::sample::select(vec![
        "readonly",
        "NOT readonly",
        "readonly IS NULL",
        "readonly IS NOT TRUE",
        "useridentity IS NULL",
        "useridentity.sessioncontext IS NOT NULL",
    ])
    .prop_map(str::to_owned);
    let pair = (column.clone(), column).prop_map(|(a, b)| format!("{a} = {b}"));
    let leaf = prop_oneof![4 => compare, 1 => null, 2 => list, 1 => like, 2 => time, 1 => flag, 1 => pair];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.prop_map(|a| format!("NOT ({a})")),
        ]
    })
}
