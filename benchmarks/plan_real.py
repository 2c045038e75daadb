"""Hide a real grid but a start, let `plan next` choose what to uncover, and compare.

    python -m benchmarks.plan_real [--page]

The start is the cheapest quarter of a grid's runs (12 at least), the target the largest tenth of
its compute, which nobody may train. Each way uncovers runs of the rest within a share of their
compute; approach 3 is fitted to what is seen, and its median absolute error of ln loss over the
target's runs is the figure. Orders of the grid itself: cheapest first, largest first, random (the
median of nine). `plan next` chooses among the hidden runs' params and tokens in three rounds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.parity import of_metric
from scaling.fitting.engine import fit
from scaling.fitting.result import Fit
from scaling.plan import design
from scaling.plan.run_grid import Cells
from scaling.plan.trust import Belief, belief_of
from tests.support.shared import shared

PAGE = Path("docs/benchmarks/plan_real.md")
FEWEST = 40
SHARES, ROUNDS, RESAMPLES, SEEDS = (0.03, 0.1, 0.3), 3, 100, 9


@dataclass(frozen=True)
class Table:
    """A grid: cells and losses, by compute."""

    cells: Cells
    loss: np.ndarray

    def fit(self, rows: np.ndarray, resamples: int = 0) -> Fit:
        """Approach 3 of some rows."""
        seen = self.cells.take(rows)
        frame = pl.DataFrame(
            {"params": seen.params, "tokens": seen.tokens, "loss": self.loss[rows]}
        )
        return fit(frame, "chinchilla", resamples=resamples, cluster="row")


def gemstones() -> pl.DataFrame:
    """Runs whose schedule ended."""
    rows = of_metric("gemstones", "loss@gemstones-val")
    return rows.filter(pl.col("family") == "gemstones-cool_end")


def porian() -> pl.DataFrame:
    """The tuned RefinedWeb sweep."""
    rows = of_metric("porian-discrepancies", "loss@refinedweb-val")
    return rows.filter(pl.col("family").str.starts_with("rw-tuned")).with_columns(
        params=pl.coalesce("params", "params_non_embedding")
    )


def chinchilla() -> pl.DataFrame:
    """The digitised points without the outliers."""
    rows = of_metric("chinchilla-epoch", "loss@massivetext")
    return rows.filter(~pl.col("flags").fill_null("").str.contains("published_outlier"))


def misfitting() -> pl.DataFrame | None:
    """The best learning rate of each cell; no open licence, None where it is absent."""
    path = shared("misfitting", "runs.csv")
    if path is None:
        return None
    rows = pl.read_csv(path, infer_schema_length=None)
    return rows.filter(pl.col("best_lr_for_ND") == 1)


def steplaw() -> pl.DataFrame | None:
    """The best run of each cell of dense models; no open licence, None where it is absent."""
    path = shared("steplaw", "runs.csv")
    if path is None:
        return None
    rows = pl.read_csv(path, infer_schema_length=None)
    best = rows.filter(pl.col("family") == "steplaw-dense")
    return best.group_by("params", "tokens").agg(pl.col("loss").min())


GRIDS = {
    "gemstones": gemstones,
    "porian-discrepancies": porian,
    "chinchilla-epoch": chinchilla,
    "misfitting*": misfitting,
    "steplaw*": steplaw,
}


def table(rows: pl.DataFrame) -> Table:
    """One loss a cell (the median of repeats), by compute."""
    names = ["params", "tokens", "loss"]
    kept = rows.select(pl.col(names).cast(pl.Float64)).drop_nulls()
    kept = kept.group_by("params", "tokens").median()
    kept = kept.sort(pl.col("params") * pl.col("tokens"), "params")
    n, d, loss = (kept[name].to_numpy() for name in names)
    return Table(Cells(n, d), loss)


def split(grid: Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, hidden and target rows; at most 400 hidden ones."""
    flops = grid.cells.flops
    first = max(12, len(flops) // 4)
    last = len(flops) - max(3, len(flops) // 10)
    hidden = np.arange(first, last)
    if len(hidden) > 400:
        hidden = hidden[np.linspace(0, len(hidden) - 1, 400).astype(int)]
    return np.arange(first), hidden, np.arange(last, len(flops))


def in_order(flops: np.ndarray, order: np.ndarray, budget: float) -> np.ndarray:
    """Rows of an order until the next does not fit."""
    chosen = order[np.cumsum(flops[order]) <= budget]
    return chosen if len(chosen) else order[flops[order] <= budget][:1]


def designed(
    grid: Table, parts: tuple[np.ndarray, np.ndarray, np.ndarray], budget: float, trusted: bool
) -> np.ndarray:
    """Rows that `plan next` uncovers, in rounds; ``trusted``: as if the law certainly held."""
    start, hidden, goal = parts
    aim = grid.cells.take(goal[[len(goal) // 2]])
    chosen = np.zeros(0, dtype=np.int64)
    for left in range(ROUNDS, 0, -1):
        made = grid.fit(np.append(start, chosen), RESAMPLES)
        rest = np.setdiff1d(hidden, chosen)
        cells = grid.cells.take(rest)
        belief = belief_of(made, grid.cells.take(np.append(start, chosen)))
        belief = Belief(1.0, belief.noise) if trusted else belief
        joined = design.joined(cells, aim.params[0], aim.tokens[0])
        ways = design.models(made, joined, belief)
        now = (budget - float(grid.cells.flops[chosen].sum())) / left
        found = design.choose(ways, cells.flops, belief.noise, now, repeats=1)
        chosen = np.append(chosen, rest[list(found.order)])
    return chosen


def error(grid: Table, rows: np.ndarray, goal: np.ndarray) -> float:
    """Median absolute error of ln loss at the target's runs."""
    made = grid.fit(rows)
    off = np.log(made.predict(grid.cells.take(goal).x)) - np.log(grid.loss[goal])
    return float(np.median(np.abs(off)))


def measure(name: str, grid: Table) -> list[dict[str, object]]:
    """Every way at every share of the hidden compute."""
    parts = split(grid)
    start, hidden, goal = parts
    flops = grid.cells.flops
    total = float(flops[hidden].sum())
    rows: list[dict[str, object]] = []
    for share in SHARES:
        budget = share * total
        chance = [
            in_order(flops, np.random.default_rng(seed).permutation(hidden), budget)
            for seed in range(SEEDS)
        ]
        ways = {
            "cheapest first": [in_order(flops, hidden, budget)],
            "largest first": [in_order(flops, _affordable(flops, hidden, budget), budget)],
            "random": chance,
            "plan next, law trusted": [designed(grid, parts, budget, True)],
            "plan next": [designed(grid, parts, budget, False)],
        }
        row: dict[str, object] = {"grid": name, "runs": len(flops), "share": share}
        row["start only"] = error(grid, start, goal)
        for way, found in ways.items():
            row[way] = float(np.median([error(grid, np.append(start, r), goal) for r in found]))
        rows.append(row)
    return rows


def _affordable(flops: np.ndarray, hidden: np.ndarray, budget: float) -> np.ndarray:
    return hidden[flops[hidden] <= budget][::-1]


def main() -> None:
    """Print the table; with --page, write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name, read in GRIDS.items():
        found = read()
        if found is None:
            print(f"{name} is not here")
            continue
        grid = table(found)
        if len(grid.loss) < FEWEST:
            print(f"{name}: {len(grid.loss)} cells are too few")
            continue
        rows += measure(name, grid)
        print(*rows[-len(SHARES) :], sep="\n", flush=True)
    if asked.page:
        write(pl.DataFrame(rows))


def write(made: pl.DataFrame) -> None:
    """The page of the benchmark."""
    lines = [
        "# Next runs, on real grids",
        "",
        "Made by `python -m benchmarks.plan_real --page`. Tables with * are not carried.",
        "",
        *(__doc__ or "").split("\n\n", 2)[2].strip().splitlines(),
        "",
        "| " + " | ".join(made.columns) + " |",
        "|" + "---|" * len(made.columns),
    ]
    for one in made.iter_rows():
        cells = (f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in one)
        lines.append("| " + " | ".join(cells) + " |")
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
