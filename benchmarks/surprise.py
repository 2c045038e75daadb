"""False alarms of the test of new runs (`scaling.record.changes.new_run_test`), and what it finds.

    python -m benchmarks.surprise [STUDIES]

Each study is simulated: runs of a Chinchilla law with an offset of its own, log-normal noise of
.3 %, half of them known, the larger half new. The new runs are honest (the same law), or all 2 %
too high, or one of them 5 % too high. Shown are the share of studies in which Holm's test calls any
row, the share in which a binomial test of the count outside the 90 % interval is below 5 %, and the
share of rows outside it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import polars as pl
from scipy.stats import binomtest

from scaling.record.changes.new_run_test import RATE, forecast_new_runs, holm

KNOWN, NEW = 40, 10
NOISE = 0.003
CASES = ("honest", "all 2 % high", "one 5 % high")


def simulated(rng: np.random.Generator, case: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Known and new runs of one study."""
    flops = np.sort(10 ** rng.uniform(18, 21, KNOWN + NEW))
    ratio = 10 ** rng.uniform(0.5, 2.0, KNOWN + NEW)
    params = np.sqrt(flops / (6 * ratio))
    tokens = params * ratio
    e, a, b = rng.uniform(1.5, 2.2), rng.uniform(300, 500), rng.uniform(400, 2000)
    loss = e + a / params ** rng.uniform(0.3, 0.38) + b / tokens ** rng.uniform(0.26, 0.38)
    loss = loss * np.exp(rng.normal(0.0, NOISE, KNOWN + NEW))
    if case == CASES[1]:
        loss[KNOWN:] *= 1.02
    if case == CASES[2]:
        loss[KNOWN + rng.integers(NEW)] *= 1.05
    names = [f"r{i}" for i in range(KNOWN + NEW)]
    runs = pl.DataFrame({"run": names, "at": "final", "params": params, "tokens": tokens,
                         "loss": loss})  # fmt: skip
    return runs[:KNOWN], runs[KNOWN:]


def trials(studies: int, case: str) -> Iterator[tuple[bool, bool, float]]:
    """Whether Holm calls a row, whether the binomial test does, and the share outside."""
    rng = np.random.default_rng([2026, CASES.index(case)])
    for _ in range(studies):
        table = forecast_new_runs(*simulated(rng, case))
        u = table["pit"].to_numpy()
        out = int(((u < 0.05) | (u > 0.95)).sum())
        called = bool((holm(2.0 * np.minimum(u, 1.0 - u)) <= RATE).any())
        yield called, binomtest(out, len(u), 0.1, "greater").pvalue <= RATE, out / len(u)


def main(studies: int) -> None:
    """Print one row a case."""
    print("| new runs | studies | Holm calls any row | binomial test | rows outside 90 % |")
    print("|---|--:|--:|--:|--:|")
    for case in CASES:
        made = np.array(list(trials(studies, case)), dtype=np.float64)
        holms, counts, share = made.mean(axis=0)
        print(f"| {case} | {studies} | {holms:.1%} | {counts:.1%} | {share:.1%} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
