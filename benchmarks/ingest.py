"""Ingest and validation of many rows: memory, and rows per CPU second beside polars alone.

    python -m benchmarks.ingest [ROWS ...]

Real rows (data/published/gemstones) are replicated with noise on their values, as further runs at
other learning rates, into one CSV in the inbox. The stages run as DVC runs them, each in a process
of its own, whose CPU seconds and peak memory the system counts. ``scan_csv`` is
``polars.scan_csv(FILE).collect()`` and nothing else, on the same file in the same session.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parent.parent
PAPER = ROOT / "data/published/gemstones"
SIZES = (1_000_000, 3_000_000, 10_000_000)
NOISE = 0.002
COMMANDS = {
    "scan_csv": ["-c", "import polars; polars.scan_csv('data/internal/big.csv').collect()"],
    "ingest": ["-m", "scaling.pipeline.ingest"],
    "validate": ["-m", "scaling.pipeline.validate"],
}


def make(folder: Path, rows: int) -> Path:
    """A project in the folder with so many rows in its inbox."""
    shutil.copytree(PAPER, folder / "data/published/gemstones")
    (folder / "data/internal").mkdir()
    (folder / "params.yaml").write_text("disclose_internal: true\n")
    real = pl.read_csv(PAPER / "runs.csv", infer_schema=False).drop("source")
    path = folder / "data/internal/big.csv"
    chance = np.random.default_rng(0)
    with path.open("wb") as stream:
        for copy in range(-(-rows // real.height)):
            part = real.head(rows - copy * real.height)
            noise = pl.Series(chance.normal(1.0, NOISE, part.height))
            part.with_columns(
                run=pl.format("{}-{}", "run", pl.lit(copy)),
                # Else they were runs set up alike with other results, which a check flags.
                lr=pl.lit(1e-3 * (1.0 + NOISE * copy)),
                value=(pl.col("value").cast(pl.Float64) * noise).round(6),
            ).write_csv(stream, include_header=copy == 0)
    return path


def measure(folder: Path, command: list[str]) -> tuple[float, float]:
    """CPU seconds and peak memory in GB of a process that must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, *command]
    with (folder / "said").open("wb") as said:
        pid = os.posix_spawn(
            "/usr/bin/env",
            ["env", "-C", str(folder), *arguments],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, said.fileno(), n) for n in (1, 2)],
        )
        _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit((folder / "said").read_text()[-2000:])
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9


def main() -> None:
    """Print a table line for each size and command."""
    print(
        "| rows | file, GB | what | CPU s | rows per CPU s | peak, GB |\n|---|---|---|---|---|---|"
    )
    for rows in map(int, sys.argv[1:] or SIZES):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            size = make(folder, rows).stat().st_size / 1e9
            for what, command in COMMANDS.items():
                seconds, peak = measure(folder, command)
                print(
                    f"| {rows:,} | {size:.2f} | {what} | {seconds:.1f} "
                    f"| {rows / seconds:,.0f} | {peak:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
