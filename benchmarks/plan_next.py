"""Does `plan next` narrow a forecast more than other studies of the same FLOP?

    python -m benchmarks.plan_next [--replicates 500] [--page]

Three true laws make runs with log-normal noise. A start of 12 runs (three isoFLOP budgets of four
sizes) is fitted by approach 3; then each way of choosing spends ten times the start's FLOP, and the
fit of all runs forecasts a target 3.5 decades above. Figures: width of the 90 % interval of the
draws over the true loss (median of the replicates), share of intervals that hold the true loss, and
median error of the forecast. `plan next` plans in three rounds, refitting after each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from scaling import laws
from scaling.fit.engine import fit
from scaling.fit.result import Fit
from scaling.plan import design
from scaling.plan.design import Cells
from scaling.plan.surface import surface

PAGE = Path("docs/benchmarks/plan_next.md")
NOISE, RESAMPLES, ROUNDS = 0.003, 100, 3
START = (1e18, 3e18, 1e19)
TARGET, TIMES = 3e22, 10.0


@dataclass(frozen=True)
class Truth:
    """A law that makes runs."""

    name: str
    law: str
    values: dict[str, float]

    def loss(self, cells: Cells) -> np.ndarray:
        """Without noise."""
        return laws.get(self.law)(self.values, cells.x)

    def optimum(self, flops: float) -> Cells:
        """The compute-optimal run."""
        law = laws.get(self.law)
        theta = np.array([[self.values[name] for name in law.names]])
        n = np.exp(surface(law, theta).log_params(np.log(flops)))
        return Cells(n, flops / 6.0 / n)


# Besiroglu et al. 2024, table 1; a law that values data more (exponents as fitted to Gemstones);
# a coupled truth, which approach 3 cannot be: gamma .7 bends the surface near its corner.
TRUTHS = (
    Truth(
        "approach 3, balanced",
        "chinchilla",
        {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658},
    ),
    Truth(
        "approach 3, unequal exponents",
        "chinchilla",
        {"E": 2.07, "A": 226.0, "B": 271_661.0, "alpha": 0.30, "beta": 0.58},
    ),
    Truth(
        "coupled (the fitted law is wrong)",
        "coupled",
        {"E": 1.6, "A": 3000.0, "B": 9000.0, "alpha": 0.45, "beta": 0.45, "gamma": 0.7},
    ),
)


def start(truth: Truth) -> Cells:
    """Three budgets of four sizes about the true optimum, as a first study would place them."""
    parts = [truth.optimum(flops) for flops in START]
    params = np.concatenate([one.params * np.array([0.3, 0.7, 1.5, 4.0]) for one in parts])
    return Cells(params, np.repeat(START, 4) / 6.0 / params)


def run(truth: Truth, cells: Cells, rng: np.random.Generator) -> np.ndarray:
    """Losses with noise."""
    return truth.loss(cells) * np.exp(NOISE * rng.standard_normal(len(cells)))


def fitted(cells: Cells, loss: np.ndarray) -> Fit:
    """Approach 3 with draws by row."""
    frame = pl.DataFrame({"params": cells.params, "tokens": cells.tokens, "loss": loss})
    return fit(frame, "chinchilla", resamples=RESAMPLES, cluster="row")


def both(one: Cells, other: Cells) -> Cells:
    """Cells of two studies."""
    return Cells(np.append(one.params, other.params), np.append(one.tokens, other.tokens))


Chooser = Callable[[Fit, Cells, float, Cells, np.random.Generator], Cells]


def by_design(doubt: float) -> Chooser:
    """`plan next` with so much doubt in the law."""

    def choose(
        made: Fit, known: Cells, budget: float, target: Cells, _: np.random.Generator
    ) -> Cells:
        cells = candidates(known, budget)
        joined = design.joined(cells, target.params[0], target.tokens[0])
        s, noise = design.covariance(made, joined, doubt), design.noise_of(made)
        return cells.take(list(design.choose(s, cells.flops, noise, budget).order))

    return choose


def by_grid(
    made: Fit, _known: Cells, budget: float, _target: Cells, _: np.random.Generator
) -> Cells:
    """An isoFLOP grid."""
    return design.isoflop_grid(made, budget)


def by_chance(
    made: Fit, known: Cells, budget: float, _target: Cells, rng: np.random.Generator
) -> Cells:
    """Random candidates until nothing fits."""
    cells = candidates(known, budget)
    return cells.take(_fill(cells.flops, budget, rng.permutation(len(cells))))


def by_size(
    made: Fit, known: Cells, budget: float, _target: Cells, _: np.random.Generator
) -> Cells:
    """Largest first, along the optimum of the law as fitted: half of what is left each time."""
    del known
    parts = budget * 0.5 ** np.arange(1, 7)
    n = np.exp(surface(made.law, made.theta[None]).log_params(np.log(parts)))
    return Cells(n, parts / 6.0 / n)


def _fill(flops: np.ndarray, budget: float, order: np.ndarray) -> list[int]:
    chosen, left = [], budget
    for j in order:
        if flops[j] <= left and len(chosen) < 40:
            chosen.append(int(j))
            left -= flops[j]
    return chosen


def candidates(known: Cells, budget: float) -> Cells:
    """The product's grid over the known runs."""
    ranges = {
        "params": (known.params.min(), known.params.max()),
        "tokens": (known.tokens.min(), known.tokens.max()),
    }
    return design.grid(ranges, budget)


WAYS: dict[str, tuple[Chooser, int]] = {
    "plan next, doubt 0": (by_design(0.0), ROUNDS),
    "plan next, doubt 0, one round": (by_design(0.0), 1),
    "plan next, doubt 3": (by_design(3.0), ROUNDS),
    "plan next, doubt 10": (by_design(10.0), ROUNDS),
    "isoFLOP grid": (by_grid, 1),
    "random": (by_chance, 1),
    "largest first": (by_size, 1),
}


def replicate(truth: Truth, seed: int) -> list[dict[str, object]]:
    """All ways on one start."""
    rng = np.random.default_rng([seed, 7])
    first = start(truth)
    loss = run(truth, first, rng)
    made, target = fitted(first, loss), truth.optimum(TARGET)
    true = float(truth.loss(target)[0])
    rows = [row("start only", made, target, true, 0)]
    for name, (choose, rounds) in WAYS.items():
        cells, values, now = first, loss, made
        budget = TIMES * float(first.flops.sum())
        spent = 0.0
        for left in range(rounds, 0, -1):
            more = choose(now, cells, (budget - spent) / left, target, rng)
            spent += float(more.flops.sum())
            values = np.append(values, run(truth, more, rng))
            cells = both(cells, more)
            now = fitted(cells, values)
        rows.append(row(name, now, target, true, len(cells) - len(first)))
    return [one | {"truth": truth.name, "seed": seed} for one in rows]


def row(way: str, made: Fit, target: Cells, true: float, runs: int) -> dict[str, object]:
    """Width, hold and error of one forecast."""
    drawn = made.predict_draws(target.x)[:, 0]
    low, high = np.quantile(drawn, [0.05, 0.95])
    value = float(made.predict(target.x)[0])
    return {
        "way": way,
        "width": float((high - low) / true),
        "holds": float(low <= true <= high),
        "error": abs(value / true - 1.0),
        "runs": float(runs),
    }


def summary(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Medians by truth and way, and the width against the isoFLOP grid's, paired."""
    table = pl.DataFrame(rows)
    grid = table.filter(pl.col("way") == "isoFLOP grid").select(
        "truth", "seed", grid=pl.col("width")
    )
    paired = table.join(grid, on=["truth", "seed"])
    return paired.group_by("truth", "way", maintain_order=True).agg(
        pl.col("width").median(),
        (pl.col("width") / pl.col("grid")).median().alias("width / grid"),
        (pl.col("width") < 0.7 * pl.col("grid")).mean().alias("30 % narrower"),
        pl.col("holds").mean(),
        pl.col("error").median(),
        pl.col("runs").median(),
    )


def main() -> None:
    """Print the table; with --page, write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    begin = time.process_time()
    rows = [one for t in TRUTHS for seed in range(asked.replicates) for one in replicate(t, seed)]
    table = summary(rows)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=60, tbl_width_chars=160):
        print(table)
    print(f"{asked.replicates} replicates, {time.process_time() - begin:.0f} CPU s")
    if asked.page:
        write(table, asked.replicates)


def write(table: pl.DataFrame, replicates: int) -> None:
    """The page of the benchmark."""
    names = table.columns
    lines = [
        "# Next runs, in simulation",
        "",
        f"Made by `python -m benchmarks.plan_next --replicates {replicates} --page`.",
        "",
        *(__doc__ or "").split("\n\n", 2)[2].strip().splitlines(),
        "",
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
    ]
    for one in table.iter_rows():
        cells = (f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in one)
        lines.append("| " + " | ".join(cells) + " |")
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
