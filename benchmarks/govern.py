"""CPU seconds of runs x rules: the public table of models, then up to a million simulated runs.

    python -m benchmarks.govern [--runs 10000 100000 1000000] [--out FILE]

Simulated runs repeat the rows of the public table with other names and dates, 50,000 at a time, so
that memory stays flat; every rule of the registry is evaluated on each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from scaling.govern import models, registry, runs
from scaling.govern.crossings import Asked, by_rule
from scaling.pipeline.packs import packs

ON = date(2026, 11, 30)
CHUNK = 50_000


def simulated(cells: pl.DataFrame, rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """Rows drawn from the table, each a run of its own with its own compute."""
    drawn = cells[rng.integers(0, cells.height, rows)]
    factor = pl.Series(np.exp(0.3 * rng.standard_normal(rows)))
    return drawn.with_columns(
        run=pl.format("r{}", pl.int_range(pl.len())),
        flop=(pl.col("flop") * factor).clip(1.0, 1e31),
        row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    )


def evaluate(cells: pl.DataFrame, loaded: registry.Registry) -> int:
    """Prepare and cross a chunk; returns the number of comparisons."""
    ready = runs.prepare(cells, loaded, ON)
    return sum(part.height for part in by_rule(ready, loaded, Asked(ON, ON)))


def measure(cells: pl.DataFrame, loaded: registry.Registry, rows: int) -> tuple[float, int]:
    """CPU seconds and comparisons of ``rows`` simulated runs."""
    rng = np.random.default_rng(0)
    spent, done = 0.0, 0
    for start in range(0, rows, CHUNK):
        part = simulated(cells, min(CHUNK, rows - start), rng)
        begin = time.process_time()
        done += evaluate(part, loaded)
        spent += time.process_time() - begin
    return spent, done


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    loaded = registry.load()
    cells = models.runs_of_models()
    begin = time.process_time()
    comparisons = evaluate(cells, loaded)
    public = time.process_time() - begin
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        made = packs(Path(), None, Path(folder) / "out", ON)
        whole = time.process_time() - begin
    lines = [
        "# Runs x rules",
        "",
        f"Made by `python -m benchmarks.govern --runs {' '.join(map(str, given.runs))}`. CPU "
        "seconds, all threads, imports left out; the machine is shared, so read them as "
        "orders of magnitude.",
        "",
        "| what | runs | comparisons | CPU s | microseconds a comparison |",
        "|---|---|---|---|---|",
        _line("public table of models", cells.height, comparisons, public),
        _line(f"the same with {made.packs} packs written", cells.height, comparisons, whole),
    ]
    for rows in given.runs:
        spent, done = measure(cells, loaded, rows)
        lines.append(_line("simulated", rows, done, spent))
    text = "\n".join(lines) + "\n"
    print(text)
    if given.out is not None:
        given.out.write_text(text, encoding="utf-8")


def _line(what: str, rows: int, done: int, spent: float) -> str:
    return f"| {what} | {rows:,} | {done:,} | {spent:.2f} | {1e6 * spent / done:.2f} |"


if __name__ == "__main__":
    main()
