"""How often 90 % intervals of a forecast hold the next run, for laws tested on simulated runs only.

    python -m benchmarks.families [--tables 20] [--seed 100] [--law NAME ...] [--out FILE]

For each design of `benchmarks.families_designs`: tables are simulated, and the planned runs, one
step of the grid beyond them, are forecast as a person does it: `scaling.forecast` with the law
named. A new run has noise of its own, so what is held is what that run will show.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import scaling
from benchmarks.coverage import write_table
from benchmarks.families_designs import DESIGNS, Design

LEVELS = (0.05, 0.5, 0.95)


def forecasts(design: Design, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles (levels, planned) of one table, and what the planned runs show (planned,)."""
    rng = np.random.default_rng([seed, *design.title.encode()])
    runs, planned = design.runs(rng), design.planned(rng)
    made = scaling.forecast(
        runs,
        planned.drop(design.target),
        laws=[design.law],
        inputs=["x"] if "x" in design.grid else None,
        target=design.target,
        quantiles=LEVELS,
        seed=seed,
    )
    table = made
    rows = [table.filter(table["quantile"] == q)["value"].to_numpy() for q in LEVELS]
    return np.stack(rows), planned[design.target].to_numpy()


def line(design: Design, tables: int, first: int) -> str:
    """The cells of one design."""
    began, held, widths, misses, refused = time.process_time(), [], [], [], 0
    for seed in range(first, first + tables):
        try:
            (low, middle, high), seen = forecasts(design, seed)
        except scaling.InputError as error:
            refused += 1
            print(f"{design.title}, table {seed}: {error}", flush=True)
            continue
        held.append((low <= seen) & (seen <= high))
        scale = np.ones_like(seen) if design.linear else seen
        widths.append((high - low) / scale)
        misses.append(np.abs(middle - seen) / scale)
    rows = design.runs(np.random.default_rng(0)).height
    spent = (time.process_time() - began) / tables
    if not held:
        return f"`{design.law}` | {rows} | {design.noise:.1%} | {refused} | | | | {spent:.1f}"
    return (
        f"`{design.law}` | {rows} | {100 * design.noise:.1f} | {refused} | "
        f"{100 * np.mean(held):.0f} | {100 * np.median(widths):.1f} | "
        f"{100 * np.median(misses):.2f} | {spent:.1f}"
    )


HEAD = """# Laws tested on simulated runs only

Share of new runs, one step beyond the table, that the 90 % interval of a forecast holds.
"""


def main() -> None:
    """Print the table's lines, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--seed", type=int, default=100, help="of the first table")
    parser.add_argument("--law", nargs="+")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    chosen = [one for one in DESIGNS if args.law is None or one.law in args.law]
    columns = ["law", "runs", "noise", "refused", "held", "width", "miss", "CPU s"]
    write_table(HEAD, columns, _rows(chosen, args.tables, args.seed), args.out)


def _rows(designs: list[Design], tables: int, first: int) -> Iterator[str]:
    return (line(one, tables, first) for one in designs)


if __name__ == "__main__":
    main()
