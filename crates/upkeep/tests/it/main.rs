//! Upkeep of lakes as ingest makes them.
