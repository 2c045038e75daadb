"""How often nominal 90 % intervals hold the truth, on simulated studies.

    python -m benchmarks.coverage [--studies 400] [--rows 20 60 240] [--out FILE]

The truth is the optimum of the 240 Chinchilla points. A study is n runs on isoFLOP budgets from
1e19 to 1e22 FLOP, sizes spread threefold about compute-optimal, with log-normal errors: independent
ones, or half of the variance shared by all runs of one budget. Checked are the five parameters and
the loss at the compute-optimal run of 1e23 FLOP, one decade out. Fits are made as a person makes
them: `scaling.fit` with its defaults, ``cluster="budget"`` where budgets share an error.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

import scaling
from scaling.laws import get

LAW = get("chinchilla")
TRUTH = {"E": 1.81722, "A": 477.83, "B": 2143.4, "alpha": 0.34731, "beta": 0.36717}
NOISE = (0.003, 0.01)
ROWS = {20: 5, 60: 10, 240: 12}  # rows -> budgets
RESAMPLES = 300


def design(rows: int, budgets: int, rng: np.random.Generator) -> pl.DataFrame:
    """Params, tokens and budget of each run."""
    index = np.sort(np.resize(np.arange(budgets), rows))
    flops = np.geomspace(1e19, 1e22, budgets)[index]
    params = 0.6 * np.sqrt(flops / 6) * np.exp(rng.uniform(-1.6, 1.6, rows))
    return pl.DataFrame({"params": params, "tokens": flops / 6 / params, "budget": index})


def simulate(rows: int, noise: float, shared: bool, rng: np.random.Generator) -> pl.DataFrame:
    """One study."""
    runs = design(rows, ROWS[rows], rng)
    error = rng.standard_normal(rows)
    if shared:
        common = rng.standard_normal(ROWS[rows])[runs["budget"].to_numpy()]
        error = np.sqrt(0.5) * (error + common)
    loss = truth_at(runs) * np.exp(noise * error)
    return runs.with_columns(loss=pl.Series(loss))


def truth_at(at: pl.DataFrame) -> np.ndarray:
    """True loss."""
    return LAW(TRUTH, {name: at[name].to_numpy() for name in LAW.inputs}).ravel()


def covered(rows: int, noise: float, shared: bool, seed: int) -> list[bool] | None:
    """Whether each interval of one simulated study holds its truth; None where it has none."""
    rng = np.random.default_rng([seed, rows, int(1e4 * noise), shared])
    runs = simulate(rows, noise, shared, rng)
    cluster = "budget" if shared else "row"
    made = scaling.fit(runs, "chinchilla", resamples=RESAMPLES, cluster=cluster, seed=seed)
    if not len(made.draws):
        return None
    ends = made.interval(0.9)
    inside = [ends[name][0] <= value <= ends[name][1] for name, value in TRUTH.items()]
    size = 0.6 * np.sqrt(1e23 / 6)
    far = pl.DataFrame({"params": [size], "tokens": [1e23 / 6 / size]})
    draws = made.predict_draws({name: far[name].to_numpy() for name in LAW.inputs})[:, 0]
    low, high = np.quantile(draws, [0.05, 0.95])
    return [*inside, bool(low <= truth_at(far)[0] <= high)]


HEAD = """# Coverage of 90 % intervals

Share of simulated studies whose interval holds the truth, per cent. Each line is made by
`python -m benchmarks.coverage --rows RUNS --studies STUDIES`; see its docstring for the design. The
Monte Carlo error of a share is 1.1 with 800 studies and 1.5 with 400. Asked: 87 to 93 with
independent errors, at least 85 where the runs of a budget share an error. Refused is the share of
fits that give no intervals, which the other shares leave out.
"""


def main() -> None:
    """Print the table's lines, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--rows", type=int, nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    columns = ["runs", "errors", "noise", "studies", "refused", *TRUTH, "loss at 1e23", "mean"]
    write_table(HEAD, columns, _rows(args.rows, args.studies), args.out)


def _rows(sizes: list[int], studies: int) -> Iterator[str]:
    """The cells of each line."""
    for rows, shared, noise in itertools.product(sizes, (False, True), NOISE):
        hits = [covered(rows, noise, shared, seed) for seed in range(studies)]
        known = [one for one in hits if one is not None]
        share = np.mean(known, axis=0)
        shown = " | ".join(f"{100 * value:.1f}" for value in [*share, share.mean()])
        kind = f"{ROWS[rows]} budgets share" if shared else "independent"
        refused = f"{100 * (1 - len(known) / studies):.1f}"
        yield f"{rows} | {kind} | {100 * noise:g} % | {studies} | {refused} | {shown}"


def write_table(head: str, columns: list[str], rows: Iterable[str], out: Path | None) -> None:
    """Print the lines of a Markdown table as their cells are measured, and write it where asked."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    began = time.process_time()
    for row in rows:
        lines.append(f"| {row} |")
        print(lines[-1], f"{time.process_time() - began:.0f} CPU s", flush=True)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(head + "\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
