"""How often nominal 90 % intervals hold the truth where a table is a few runs of many checkpoints.

    python -m benchmarks.few_runs [--tables 200] [--runs 4 6 9 16] [--out FILE]

The truth is the optimum of the 240 Chinchilla points. A table has 100 checkpoints a run, in equal
steps of tokens. A run's log loss is off by one draw for all its checkpoints (sd .5 %: seed, data
order, learning rate) and by noise along the run (sd .3 %, correlation .9 from one checkpoint to the
next). Designs:

- even: sizes in equal ratios from 3e7 to 3e9 params, each from 1 to 40 tokens a param;
- random: sizes at random from 3e7 to 3e9 params, each ended at 10 to 100 tokens a param, again at
  random, its first checkpoint at a fiftieth of that.

Checked are the five parameters and the loss at ten times the compute of the largest run (params and
tokens by the root of ten each). Fits are `scaling.fit` with its defaults. A refusal is a fit that
gives no intervals; shares are of the others.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

import scaling
from benchmarks.coverage import LAW, TRUTH, truth_at, write_table

RUNS = (4, 6, 9, 16)
CHECKPOINTS = 100
SHARED = 0.005
ALONG = 0.003
CORRELATION = 0.9
RESAMPLES = 300
SIZES = (3e7, 3e9)
BEYOND = 10.0


def design(runs: int, even: bool, rng: np.random.Generator) -> pl.DataFrame:
    """Run, params and tokens of each checkpoint."""
    if even:
        params = np.geomspace(*SIZES, runs)
        ends, starts = 40.0 * params, params
    else:
        params = np.exp(rng.uniform(*np.log(SIZES), runs))
        ends = params * np.exp(rng.uniform(*np.log((10.0, 100.0)), runs))
        starts = ends / 50.0
    tokens = np.linspace(starts, ends, CHECKPOINTS).T
    return pl.DataFrame(
        {
            "run": [f"run-{at}" for at in range(runs) for _ in range(CHECKPOINTS)],
            "params": np.repeat(params, CHECKPOINTS),
            "tokens": tokens.ravel(),
        }
    )


def simulate(runs: int, even: bool, rng: np.random.Generator) -> pl.DataFrame:
    """One table."""
    table = design(runs, even, rng)
    noise = rng.standard_normal((runs, CHECKPOINTS))
    fresh = np.sqrt(1.0 - CORRELATION**2)
    for at in range(1, CHECKPOINTS):
        noise[:, at] = CORRELATION * noise[:, at - 1] + fresh * noise[:, at]
    off = SHARED * rng.standard_normal((runs, 1)) + ALONG * noise
    return table.with_columns(loss=pl.Series(truth_at(table) * np.exp(off.ravel())))


def covered(runs: int, even: bool, seed: int) -> list[bool] | None:
    """Whether each interval of one table holds its truth; None where there are no intervals."""
    table = simulate(runs, even, np.random.default_rng([seed, runs, even]))
    made = scaling.fit(table, "chinchilla", resamples=RESAMPLES, seed=seed)
    if not len(made.draws):
        return None
    ends = made.interval(0.9)
    inside = [ends[name][0] <= value <= ends[name][1] for name, value in TRUTH.items()]
    largest = table[int((table["params"] * table["tokens"]).arg_max() or 0)]
    far = largest.with_columns(pl.col("params", "tokens") * np.sqrt(BEYOND))
    draws = made.predict_draws({name: far[name].to_numpy() for name in LAW.inputs})[:, 0]
    low, high = np.quantile(draws, [0.05, 0.95])
    return [*inside, bool(low <= truth_at(far)[0] <= high)]


HEAD = """# Coverage with few runs

Nominal 90 % intervals of tables of 4 to 16 runs with 100 checkpoints each: share that holds the
truth, per cent, made by `python -m benchmarks.few_runs` (its docstring has the designs). Asked: 85
to 97, and at most 20 % refused from 6 runs on. The Monte Carlo error of a share is 2. Intervals are
refused where the outcome denies them, and where one run alone determines a direction of the
parameters, which four runs of random sizes mostly do. With random sizes B and beta are held by 97
to 98: their intervals are wider than they need be. The checkpoints of a run share its error:
resampled by row, 30 even tables of six runs held 20 % of E, A and alpha and 70 % of B and beta.
"""


def main() -> None:
    """Print the table's lines, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--runs", type=int, nargs="+", default=list(RUNS))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    columns = ["design", "runs", "tables", "refused", *TRUTH, "loss at 10 C"]
    write_table(HEAD, columns, _rows(args.runs, args.tables), args.out)


def _rows(sizes: list[int], tables: int) -> Iterator[str]:
    """The cells of each line."""
    for even, runs in itertools.product((True, False), sizes):
        hits = [covered(runs, even, seed) for seed in range(tables)]
        known = [one for one in hits if one is not None]
        # A cell in which every table was refused has nothing to hold.
        shares = np.mean(known, axis=0) if known else np.full(len(TRUTH) + 1, np.nan)
        shown = " | ".join(f"{100 * share:.1f}" for share in shares)
        refused = 100 * (1 - len(known) / tables)
        name = "even" if even else "random"
        yield f"{name} | {runs} | {tables} | {refused:.1f} | {shown}"


if __name__ == "__main__":
    main()
