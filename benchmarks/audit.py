"""CPU seconds of an audit of 10,000 forecasts and 100,000 outcomes, without reading files.

    python -m benchmarks.audit

The allowance is 20 CPU seconds.
"""

from __future__ import annotations

import time
from datetime import date

import numpy as np
import polars as pl

from scaling.audit.match import Rules
from scaling.audit.page import page
from scaling.audit.read import OUTCOME, TARGET, selection
from scaling.audit.summary import summarise
from scaling.audit.table import merged, scored

FORECASTS, OUTCOMES, STUDIES = 10_000, 100_000, 20
LEVELS = [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975]
Z = [-1.96, -1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645, 1.96]


def tables(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Targets, forecasts and outcomes of a made-up history."""
    chosen = [selection(f"s{k}", "loss@x", ()) for k in range(STUDIES)]
    n = np.exp(rng.uniform(np.log(1e8), np.log(1e12), FORECASTS))
    d = 20 * n * np.exp(rng.normal(0, 0.3, FORECASTS))
    study = rng.integers(0, STUDIES, FORECASTS)
    targets = pl.DataFrame(
        {
            "version": [f"v{k // 100}" for k in range(FORECASTS)],
            "kind": "ahead",
            "issued": date(2024, 1, 1),
            "as_of": date(2024, 1, 1),
            "after": date(2024, 1, 1),
            "corrected_by": pl.Series([None] * FORECASTS, dtype=pl.String),
            "study": [f"s{k}" for k in study],
            "source": [f"s{k}" for k in study],
            "metric": "loss@x",
            "selection": [chosen[k] for k in study],
            "params_column": "params",
            "cut_column": pl.Series([None] * FORECASTS, dtype=pl.String),
            "cut": pl.Series([None] * FORECASTS, dtype=pl.Float64),
            "target": [f"t{k}" for k in range(FORECASTS)],
            "params": n,
            "tokens": d,
            "flops": 6 * n * d,
            "decades": rng.uniform(0, 3, FORECASTS),
        },
        schema=TARGET,
    )
    said = targets.select("version", "study", "target").with_columns(
        law=pl.lit("ensemble"),
        levels=pl.Series([LEVELS] * FORECASTS),
        values=pl.Series((2.5 * np.exp(0.02 * np.outer(rng.normal(size=FORECASTS), [0.1] * 9)
                                       + 0.02 * np.array(Z))).tolist()),
    )  # fmt: skip
    place = rng.integers(0, FORECASTS, OUTCOMES)
    near_n, near_d = n[place], d[place]
    outcomes = pl.DataFrame(
        {
            "selection": [chosen[k] for k in study[place]],
            "run": [f"r{k}" for k in range(OUTCOMES)],
            "observed": date(2025, 1, 1),
            "params": near_n * np.exp(rng.normal(0, 0.05, OUTCOMES)),
            "params_non_embedding": pl.Series([None] * OUTCOMES, dtype=pl.Float64),
            "params_active": pl.Series([None] * OUTCOMES, dtype=pl.Float64),
            "tokens": near_d * np.exp(rng.normal(0, 0.05, OUTCOMES)),
            "flops": pl.Series([None] * OUTCOMES, dtype=pl.Float64),
            "flops_method": "6ND",
            "value": 2.5 * np.exp(rng.normal(0, 0.02, OUTCOMES)),
            "final": True,
        },
        schema=OUTCOME,
    )
    return targets, said, outcomes


def main() -> None:
    """Print the CPU seconds and what was scored."""
    targets, said, outcomes = tables(np.random.default_rng(0))
    start = time.process_time()
    rules = Rules(*np.log1p([0.05, 0.05, 0.1]))
    made, still_open = scored(targets, said, outcomes, rules)
    text = page(summarise(merged(None, made), still_open))
    spent = time.process_time() - start
    print(
        f"{targets.height} forecasts, {outcomes.height} outcomes: {made.height} scored, "
        f"{still_open.height} open, {len(text)} characters, {spent:.2f} CPU s"
    )


if __name__ == "__main__":
    main()
