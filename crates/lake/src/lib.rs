//! The Delta table that holds the events, its ledger and its commits.
