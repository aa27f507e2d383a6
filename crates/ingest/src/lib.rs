//! Log files into the lake: decode, dedup, route, write, commit.
