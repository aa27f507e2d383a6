//! What Athena, CloudTrail Lake or Tailpipe have and trailql has not: what to write instead.

/// Says what a name stands for elsewhere that a lake of CloudTrail's events has not.
pub(crate) fn foreign_name(name: &str) -> Option<&'static str> {
    name.eq_ignore_ascii_case("eventdata").then_some(
        "eventData is in event data stores of AWS Config, Audit Manager and other sources; a lake holds CloudTrail's events",
    )
}

/// Says what to write instead of one of Trino's functions.
pub(crate) fn foreign_function(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let is_spatial = ["st_", "bing_tile", "geometry_", "simplify_geometry"].iter().any(|start| name.starts_with(start));
    if is_spatial {
        return Some("CloudTrail's events have no coordinates");
    }
    HINTS.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, hint)| *hint)
}

/// Functions, and what to write instead.
const HINTS: &[(&[&str], &str)] = &[
    (
        &["approx_set", "empty_approx_set", "merge", "theta_sketch_union", "theta_sketch_cardinality"],
        "write approx_distinct(x), which counts without a sketch",
    ),
    (
        &["qdigest_agg", "tdigest_agg", "value_at_quantile", "values_at_quantiles", "quantile_at_value"],
        "write approx_percentile(x, p)",
    ),
    (
        &["make_set_digest", "merge_set_digest", "intersection_cardinality", "jaccard_index", "hash_counts"],
        "write cardinality(array_intersect(set_agg(x), set_agg(y)))",
    ),
    (&["numeric_histogram"], "write GROUP BY width_bucket(x, low, high, n)"),
    (&["checksum"], "write count(*) and count(DISTINCT x) to compare sets of rows"),
    (
        &[
            "learn_classifier",
            "learn_regressor",
            "learn_libsvm_classifier",
            "learn_libsvm_regressor",
            "classify",
            "regress",
        ],
        "models are trained elsewhere; export the rows with UNLOAD (…) TO '…'",
    ),
    (&["bar", "render", "rgb", "color"], "colours are for terminals; `--format html` makes pages"),
    (&["word_stem"], "write lower(x) and LIKE, or regexp_like(x, '…')"),
    (&["spooky_hash_v2_32", "spooky_hash_v2_64", "murmur3"], "write xxhash64(x) or sha256(x)"),
    (&["current_groups", "current_role"], "there are no users here; useridentity names who called"),
    (&["dateadd"], "write date_add('day', n, time), with the unit in quotes"),
    (&["datediff"], "write date_diff('day', from, to), with the unit in quotes"),
    (&["getdate", "sysdate"], "write now()"),
    (&["get_json_object"], "write json_extract_scalar(json, path)"),
];
