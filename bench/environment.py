"""A virtual environment under target/ for the packages that the benchmarks compare with."""
import importlib.util, os, pathlib, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The newest stable 2.x, as the targets name DuckDB 2.0.
REQUIREMENTS = {
    "duckdb": "duckdb>=2,<3", "deltalake": "deltalake>=1,<2", "jsonschema": "jsonschema>=4,<5", "pandas": "pandas>=2,<4",
    "pyarrow": "pyarrow>=20",
}


def with_packages(*names):
    """Carry on in an interpreter that has the packages, installing them on first use."""
    if all(importlib.util.find_spec(name) for name in names):
        return
    venv = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "bench" / "venv"
    python = venv / "bin" / "python"
    if pathlib.Path(sys.prefix) == venv:
        sys.exit(f"{python} lacks {', '.join(names)}")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS.values()], check=True)
    os.execv(python, [str(python), *sys.argv])
