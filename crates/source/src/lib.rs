//! Finds, lists, reads and unpacks CloudTrail log files.
