//! DataFusion tables over the lake and over raw log files.
