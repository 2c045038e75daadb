"""Does `plan next` narrow a forecast more than other studies of the same FLOP?

    python -m benchmarks.plan_next [--replicates 500] [--jobs 1] [--rows FILE] [--page]

Three true laws make runs with log-normal noise (sd .003). A start of 12 runs (three isoFLOP budgets
of four sizes) is fitted by approach 3; then each way of choosing spends ten times the start's FLOP,
and the fit of all runs forecasts a target 3.5 decades above. `plan next` plans in three rounds and
fits again after each; at most 40 runs a round, or 5. The grids and the others spend all at once;
"45 runs" is a grid of five budgets and nine sizes, nearer to the number of runs of a free plan;
"law trusted" (100 replicates) is `--holds 1`: as if the law were known to hold.

`width` is the median width of the 90 % interval of the draws over the true loss. The ratios to the
isoFLOP grid of 15 runs are of the same replicate: median, 10 and 90 % quantiles; `means` is mean
width over mean width. `30 %` is the share of replicates whose interval is at least that much
narrower, `holds` the share of intervals that hold the true loss, `error` the median error of the
forecast. The seeds are apart from those on which the method was chosen. Fits after the first start
from the one before: on 18 of 18 trials that reached the same optimum as a search.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from scaling import laws
from scaling.fitting.engine import fit
from scaling.fitting.result import Fit
from scaling.fitting.uncertainty import bootstrap
from scaling.laws._surface import surface
from scaling.plan import design
from scaling.plan.run_grid import Cells
from scaling.plan.trust import Belief, belief_of

PAGE = Path("docs/benchmarks/plan_next.md")
NOISE, RESAMPLES, ROUNDS, CHUNK = 0.003, 200, 3, 10
# Of the seeds' stream; trials that chose the method drew from others.
STREAM = 2027
START = (1e18, 3e18, 1e19)
TARGET, TIMES = 3e22, 10.0
GRID = "isoFLOP grid, 15 runs"
# A way that needs fewer replicates, and how many it gets.
TRUSTED, FEWER = "plan next, law trusted", 100


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


def fitted(cells: Cells, loss: np.ndarray, before: Fit | None = None) -> Fit:
    """Approach 3 with draws by row."""
    frame = pl.DataFrame({"params": cells.params, "tokens": cells.tokens, "loss": loss})
    known = None if before is None else before.values
    return fit(frame, "chinchilla", resamples=RESAMPLES, cluster="row", start=known)


def both(one: Cells, other: Cells) -> Cells:
    """Cells of two studies."""
    return Cells(np.append(one.params, other.params), np.append(one.tokens, other.tokens))


Chooser = Callable[[Fit, Cells, float, Cells, np.random.Generator], Cells]


def by_design(most: int = design.MAX_RUNS, trusted: bool = False) -> Chooser:
    """`plan next` with so many runs a round; ``trusted``: as if the law certainly held."""

    def choose(
        made: Fit, known: Cells, budget: float, target: Cells, _: np.random.Generator
    ) -> Cells:
        cells = candidates(known, budget)
        joined = design.joined(cells, target.params[0], target.tokens[0])
        belief = belief_of(made, known)
        belief = Belief(1.0, belief.noise) if trusted else belief
        ways = design.models(made, joined, belief)
        found = design.choose(ways, cells.flops, belief.noise, budget, most=most)
        return cells.take(list(found.order))

    return choose


def by_grid(budgets: int, sizes: int) -> Chooser:
    """An isoFLOP grid."""

    def choose(
        made: Fit, _known: Cells, budget: float, _target: Cells, _: np.random.Generator
    ) -> Cells:
        return design.isoflop_grid(made, budget, budgets, sizes)

    return choose


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
    "plan next": (by_design(), ROUNDS),
    "plan next, 15 runs at most": (by_design(5), ROUNDS),
    TRUSTED: (by_design(trusted=True), ROUNDS),
    GRID: (by_grid(3, 5), 1),
    "isoFLOP grid, 45 runs": (by_grid(5, 9), 1),
    "random": (by_chance, 1),
    "largest first": (by_size, 1),
}


def replicate(truth: Truth, seed: int) -> list[dict[str, object]]:
    """All ways on one start."""
    rng = np.random.default_rng([seed, STREAM])
    first = start(truth)
    loss = run(truth, first, rng)
    made, target = fitted(first, loss), truth.optimum(TARGET)
    true = float(truth.loss(target)[0])
    rows = [row("start only", made, target, true, 0)]
    for i, (name, (choose, rounds)) in enumerate(WAYS.items()):
        if name == TRUSTED and seed >= FEWER:
            continue
        rng = np.random.default_rng([seed, STREAM, i])
        cells, values, now = first, loss, made
        budget = TIMES * float(first.flops.sum())
        spent = 0.0
        for left in range(rounds, 0, -1):
            more = choose(now, cells, (budget - spent) / left, target, rng)
            spent += float(more.flops.sum())
            values = np.append(values, run(truth, more, rng))
            cells = both(cells, more)
            now = fitted(cells, values, now)
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


def summary(table: pl.DataFrame) -> pl.DataFrame:
    """Figures by truth and way, with the width against the isoFLOP grid's, paired."""
    grid = table.filter(pl.col("way") == GRID).select("truth", "seed", grid=pl.col("width"))
    paired = table.join(grid, on=["truth", "seed"])
    ratio = pl.col("width") / pl.col("grid")
    return paired.group_by("truth", "way", maintain_order=True).agg(
        pl.col("width").median(),
        ratio.median().alias("/ grid"),
        ratio.quantile(0.1).alias("10 %"),
        ratio.quantile(0.9).alias("90 %"),
        (pl.col("width").mean() / pl.col("grid").mean()).alias("means"),
        (ratio <= 0.7).mean().alias("30 %"),
        pl.col("holds").mean(),
        pl.col("error").median(),
        pl.col("runs").median(),
    )


def some(task: tuple[int, int]) -> list[dict[str, object]]:
    """Replicates of one truth from one seed on, each with the CPU seconds it took."""
    # The compiled solver's import pays over so many fits; it reaches the same optima.
    bootstrap.COMPILE_FROM = 0
    which, first = task
    rows = []
    for seed in range(first, first + CHUNK):
        begin = time.process_time()
        made = replicate(TRUTHS[which], seed)
        rows += [one | {"cpu": (time.process_time() - begin) / len(made)} for one in made]
    return rows


def measure(replicates: int, jobs: int, kept: Path | None) -> pl.DataFrame:
    """One row a way, truth and seed; those in ``kept`` are not repeated, new ones are added."""
    rows: list[dict[str, object]] = []
    if kept is not None and kept.is_file():
        rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    done = {(str(one["truth"]), one["seed"]) for one in rows}
    tasks = [
        (which, first)
        for first in range(0, replicates, CHUNK)
        for which, truth in enumerate(TRUTHS)
        if (truth.name, first) not in done
    ]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for part in pool.map(some, tasks):
            rows += part
            if kept is not None:
                with kept.open("a", encoding="utf-8") as stream:
                    stream.writelines(json.dumps(one) + "\n" for one in part)
    order = {truth.name: i for i, truth in enumerate(TRUTHS)}
    rows.sort(key=lambda one: (order[str(one["truth"])], one["seed"]))  # type: ignore[arg-type, return-value]
    return pl.DataFrame(rows).filter(pl.col("seed") < replicates)


def main() -> None:
    """Print the table; with --page, write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--rows", type=Path, help="file of rows, to go on with later")
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.replicates, asked.jobs, asked.rows)
    table, seconds = summary(found), float(found["cpu"].sum())
    with pl.Config(tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=60, tbl_width_chars=180):
        print(table)
    print(f"{asked.replicates} replicates of each truth, {seconds:.0f} CPU s")
    if asked.page:
        write(table, asked.replicates, seconds)


def write(table: pl.DataFrame, replicates: int, seconds: float) -> None:
    """The page of the benchmark."""
    names = table.columns
    lines = [
        "# Next runs, in simulation",
        "",
        f"Made by `python -m benchmarks.plan_next --replicates {replicates} --page` "
        f"({seconds:.0f} CPU s).",
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
