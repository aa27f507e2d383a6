//! The SQL session: tables, views, functions, output formats.
