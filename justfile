# Recipes for people; .ci/run needs none of them.

# List the recipes
default:
    @just --list

# Ingest the bundled events and tour them
demo:
    cargo demo

# Run all tests
test:
    cargo test --workspace

# Formatting, lints and documentation, as CI wants them
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Time trailql against DuckDB on a made bucket and write docs/BENCHMARKS.md
bench *ARGS:
    cargo build --release --locked
    python3 bench/run.py --write {{ARGS}}

# Time trailql on buckets behind a slow line; needs MinIO (TRAILQL_MINIO) and rustc
bench-s3 *ARGS:
    cargo build --release --locked
    python3 bench/s3.py --write {{ARGS}}

# A million events delivered twice, late and in no order, through --follow; needs MinIO (TRAILQL_MINIO), Java and Maven
at-size *ARGS:
    cargo build --release --locked
    python3 bench/at_size.py --write {{ARGS}}

# Half an hour of --follow with arrivals, compaction and queries; needs MinIO (TRAILQL_MINIO)
soak *ARGS:
    cargo build --release --locked
    python3 bench/soak.py --write {{ARGS}}

# Time `trailql validate` beside the AWS CLI; needs MinIO (TRAILQL_MINIO), rustc and the AWS CLI (TRAILQL_AWS_CLI)
bench-validate *ARGS:
    cargo build --release --locked
    cargo build --locked --workspace --examples
    python3 bench/validate.py --write {{ARGS}}

# Time queries over JSON members against DuckDB and write docs/BENCHMARKS.md
bench-json *ARGS:
    cargo build --release --locked
    python3 bench/json_queries.py --write {{ARGS}}

# Time compaction against DuckDB and write docs/BENCHMARKS.md
bench-optimize *ARGS:
    cargo build --release --locked
    python3 bench/optimize.py --write {{ARGS}}

# Time exports against DuckDB's COPY and write docs/BENCHMARKS.md
bench-export *ARGS:
    cargo build --release --locked
    python3 bench/export.py --write {{ARGS}}

# Criterion benches of the decoder and the writer
bench-parts:
    cargo bench --workspace

# Read a lake with DuckDB and with Python's deltalake
interop:
    cargo build --locked
    python3 bench/interop.py

# Record Trino's answers to the queries under tests/trino; needs Maven, and JAVA_HOME with Java 24 or newer
trino-answers:
    python3 tests/trino/tables.py testdata/real/invictus-ir__aws_dataset target/trino/tables
    mvn -q dependency:copy -Dartifact=io.trino:trino-server:476:tar.gz -DoutputDirectory=target/trino
    tar -xzf target/trino/trino-server-476.tar.gz -C target/trino
    python3 tests/trino/answers.py target/trino/trino-server-476 target/trino/tables

# Ask DuckDB the queries under tests/trino, translated by sqlglot; needs the packages of tests/trino/second_opinion.txt
duckdb-answers:
    python3 tests/trino/second_opinion.py

# Check that the fuzz targets compile
fuzz-check:
    cargo check --manifest-path fuzz/Cargo.toml --locked

# Fuzz the decoder; needs nightly and cargo-fuzz
fuzz TARGET="decode" *ARGS:
    mkdir -p fuzz/corpus/{{TARGET}}
    cargo +nightly fuzz run {{TARGET}} fuzz/corpus/{{TARGET}} testdata/made/envelopes testdata/made/odd {{ARGS}}

# Build and open the API documentation
docs:
    cargo doc --workspace --no-deps --open

# Write testdata/made again
testdata:
    python3 testdata/make.py

# Everything that CI runs
ci:
    .ci/run
