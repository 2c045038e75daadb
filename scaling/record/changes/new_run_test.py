"""Did new runs fall outside the intervals of a forecast from the runs of the version before?

The runs that a study had are put through the present forecast, which predicts each new row from its
N and D alone. u is the probability that it gave to less than the outcome (the PIT). One row is
surprising at p = 2 min(u, 1 - u). Many rows are many chances of a false alarm, and the rows of one
study err together, so a count outside the 90 % interval has no honest binomial test: where the
forecast's error is shared, most rows fall outside together. Holm's step-down holds the family-wise
rate under any dependence:

    p_(1) <= ... <= p_(m)      adjusted p_(i) = max over j <= i of min(1, (m - j + 1) p_(j))

A row is called outside when its adjusted p is at most `RATE`: if every forecast is honest, at most
that share of refits calls any row at all, over all studies together. Simulations are in
docs/decisions/019-publishing-is-an-act.md.

Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.forecasting.engine import predictive

RATE = 0.05
INPUTS = ("params", "tokens")
ENDS = (0.05, 0.95)
MAX_LISTED = 5


def holm(p: Array) -> Array:
    """Adjusted p values (m,), in the order of ``p``."""
    order = np.argsort(p, kind="stable")
    steps = np.minimum((len(p) - np.arange(len(p))) * p[order], 1.0)
    out = np.empty(len(p))
    out[order] = np.maximum.accumulate(steps)
    return out


def forecast_new_runs(known: pl.DataFrame, new_runs: pl.DataFrame) -> pl.DataFrame:
    """run, at, loss, low and high (ends of the 90 % interval), pit: of each new row.

    Raises:
        InputError: what was known is too little to forecast from.
    """
    known, new_runs = (part.drop_nulls([*INPUTS, "loss"]) for part in (known, new_runs))
    forecast = predictive(known.select(*INPUTS, "loss"), new_runs.select(INPUTS), INPUTS, "loss")
    low, high = forecast.quantiles(np.array(ENDS))
    pit = forecast.rank(new_runs["loss"].to_numpy())
    return new_runs.select("run", "at", "loss").with_columns(low=low, high=high, pit=pit)


def outside(parts: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """The test over all studies: study -> what `forecast_new_runs` gives.

    ``studies`` has counts of each, ``rows`` those that are called outside, or else the most
    surprising, ``tests`` how many there were, ``rate`` the family-wise rate.
    """
    tables = [table.with_columns(study=pl.lit(study)) for study, table in parts.items()]
    if not tables:
        return {"studies": [], "rows": [], "tests": 0, "rate": RATE, "called": 0}
    every = pl.concat(tables)
    u = every["pit"].to_numpy()
    p = 2.0 * np.minimum(u, 1.0 - u)
    left = (pl.col("loss") < pl.col("low")) | (pl.col("loss") > pl.col("high"))
    every = every.with_columns(p=pl.Series(p), adjusted=pl.Series(holm(p)), outside=left)
    counts = every.group_by("study", maintain_order=True).agg(
        rows=pl.len(),
        outside=pl.col("outside").sum(),
        expected=0.1 * pl.len(),
        called=(pl.col("adjusted") <= RATE).sum(),
    )
    far = (
        every.sort("p", maintain_order=True)
        .head(MAX_LISTED)
        .select("study", "run", "at", "loss", "low", "high", "adjusted")
    )
    called = int((every["adjusted"] <= RATE).sum())
    return {
        "studies": counts.to_dicts(),
        "rows": far.to_dicts(),
        "tests": every.height,
        "rate": RATE,
        "called": called,
    }


def of_study(known: pl.DataFrame, new_runs: pl.DataFrame) -> tuple[pl.DataFrame | None, str | None]:
    """What `forecast_new_runs` gives, or why it cannot."""
    if not new_runs.height:
        return None, None
    try:
        return forecast_new_runs(known, new_runs), None
    except (InputError, pl.exceptions.ColumnNotFoundError) as error:
        return None, str(error).splitlines()[0]
