#!/usr/bin/env python3
"""Time queries over JSON members on trailql and on DuckDB, over the same Parquet files of a lake.

The queries are those of json_queries.sql; DuckDB reads JSON by `json_extract_string`. Both engines run as processes of their
own, in turn; medians of warm runs count. With --write the figures go into docs/BENCHMARKS.md.

  bench/json_queries.py --events 1000000 --write
"""
import argparse, json, pathlib, statistics, sys

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from environment import with_packages
from run import Finished, machine, machine_line, make_bucket, median, normal, note, trailql_queries, verdict, write_document

TARGET = 0.7


def measure(options):
    """Seconds of all warm runs per query and engine, and the queries of which the rows differ."""
    from duck import read_queries
    work = pathlib.Path(options.work or ROOT / "target" / "bench")
    work.mkdir(parents=True, exist_ok=True)
    trailql, lake = pathlib.Path(options.trailql), work / f"json-lake-{options.events}-{options.days}"
    if not lake.exists():
        bucket, _ = make_bucket(options, work)
        Finished([trailql, "--lake", lake, "ingest", "--quiet", bucket])
    queries = read_queries(BENCH / "json_queries.sql")
    theirs = work / "json_queries_duckdb.sql"
    theirs.write_text((BENCH / "json_queries.sql").read_text().replace("json_extract_scalar", "json_extract_string"))
    seconds = {name: {"duckdb": [], "trailql": []} for name, _ in queries}
    different = []
    for number in range(options.rounds):
        duck = json.loads(Finished([sys.executable, BENCH / "duck.py", "queries", lake, theirs, options.runs]).out)
        ours = trailql_queries(trailql, lake, work, queries, options.runs)
        for name, _ in queries:
            seconds[name]["duckdb"] += duck[name]["seconds"]
            seconds[name]["trailql"] += ours[name]["seconds"]
            if number == 0 and normal(duck[name]["rows"]) != normal(ours[name]["rows"]):
                different.append(name)
        note(f"round {number + 1} done")
    return trailql, seconds, different


def figures(options, trailql, seconds, different):
    """The figures as Markdown."""
    import duckdb
    lines = [
        machine_line(machine(trailql)) + f" DuckDB {duckdb.__version__}. "
        f"{options.events:,} events; medians of {options.rounds} rounds with {options.runs} warm runs each.", "",
        "| query | trailql | DuckDB | ratio | |", "| --- | --- | --- | --- | --- |"]
    ratios = []
    for name, times in seconds.items():
        a, b = median(times["trailql"]), median(times["duckdb"])
        ratios.append(a / b)
        lines.append(f"| `{name}` | {a * 1000:.1f} ms | {b * 1000:.1f} ms | {a / b:.2f} | {verdict(a <= TARGET * b)} |")
    mean = statistics.geometric_mean(ratios)
    lines.append(f"| geometric mean | | | {mean:.2f} | target ≤ {TARGET}: {verdict(mean <= TARGET)} |")
    lines += ["", "Both engines gave the same rows for every query." if not different else
              f"**Different rows** from the two engines: {', '.join(different)}."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3, help="times that the engines take turns")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each query in a round")
    parser.add_argument("--trailql", default=ROOT / "target" / "release" / "trailql", help="the binary to time")
    parser.add_argument("--work", help="folder for bucket and lake (default: target/bench)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/BENCHMARKS.md")
    options = parser.parse_args()
    text = figures(options, *measure(options))
    print(text)
    if options.write:
        write_document(text, "json")


if __name__ == "__main__":
    with_packages("duckdb")
    main()
