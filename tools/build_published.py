"""Rebuild ``data/published/<source>/runs.*`` from tidy tables of the upstream figures.

Nothing in the package needs this script: the tables that it writes are in Git. It documents how
they were made and makes them again.

    python -m tools.build_published TABLES [source ...] [--out data/published]

TABLES is a folder with one ``<source>/runs.csv`` each (a few have further tables beside it): one
row per run or checkpoint, with the upstream column names (see the function of each source).
Citation, licence and everything that was changed stand in the ``source.yaml`` beside each result,
which is written by hand.

Cells are read and written as text, so a figure keeps every digit that upstream printed; only
derived cells (standard errors, tokens per batch) are computed. Ten large tables are Parquet with
the types that the text is read with: a twentieth of the size. To add a source, write one function
that maps its tables to run columns in a module of `tools.published` and list it there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

from tools.published import SOURCES, build

LARGE = (
    "clark-routing",
    "dclm-downstream",
    "nsl-benchmark",
    "obs-scaling",
    "porian-discrepancies",
    "pythia-evals",
    "regmix",
    "sloth",
    "timm-zoo",
    "transfer-cherti",
)


def write(runs: pl.DataFrame, path: Path) -> None:
    """CSV; or Parquet with the types that the CSV would be read with."""
    if path.suffix == ".csv":
        runs.write_csv(path)
        return
    typed = pl.read_csv(runs.write_csv().encode(), infer_schema_length=None)
    typed.write_parquet(path, compression="zstd", compression_level=19, statistics=False)


def main() -> None:
    """Write the run tables of the sources named on the command line, by default of all."""
    parser = argparse.ArgumentParser(description="Rebuild data/published/*/runs.*.")
    parser.add_argument("tables", type=Path, help="folder with <source>/runs.csv each")
    parser.add_argument("sources", nargs="*", help=f"default: all of {', '.join(SOURCES)}")
    parser.add_argument("--out", type=Path, default=Path("data/published"))
    options = parser.parse_args()
    for name in options.sources or SOURCES:
        runs = build(name, options.tables)
        path = options.out / name / ("runs.parquet" if name in LARGE else "runs.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        write(runs, path)
        size = path.stat().st_size / 1e6
        print(f"{name}: {runs.height} rows, {runs.width} columns, {size:.2f} MB")


if __name__ == "__main__":
    main()
