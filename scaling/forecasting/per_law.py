"""What each law alone says at the targets of a forecast: where laws part, the future is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import log_size, positive
from scaling.fitting.engine import fit
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.inputs import check_targets, observed_scale
from scaling.forecasting.law_choice import applicable

# A law alone is shown with the scatter of its residuals, as a normal.
NORMAL = 200.0


def forecast_per_law(
    runs: pl.DataFrame, at: pl.DataFrame, inputs: Sequence[str], target: str = "loss"
) -> dict[str, Array]:
    """Law -> its prediction (T,) at each target, of the laws that stand for their kind
    (their role ``forecast``); arguments as of `scaling.forecast`."""
    points = check_targets(at, inputs)
    table = pl.DataFrame({name: positive(runs, name) for name in inputs})
    size = log_size({name: table[name].to_numpy() for name in inputs})
    y, increasing = observed_scale(runs, target, size)
    table = table.with_columns(pl.Series(target, 1.0 - y if increasing else y))
    alone = singles(table, pl.DataFrame(points), inputs, target)
    return {
        name: 1.0 - np.exp(p.location) if increasing else np.exp(p.location) for name, p in alone
    }


def singles(
    small: pl.DataFrame, large: pl.DataFrame, inputs: Sequence[str], target: str
) -> Iterator[tuple[str, Predictive]]:
    """Each law that can be fitted to the small runs, as a distribution at the inputs of the large
    ones."""
    for law, by in applicable(inputs, "auto"):
        try:
            made = fit(small, law, target=target, inputs=by)
        except InputError:  # fewer runs than the law needs: it has nothing to say
            continue
        with np.errstate(all="ignore"):
            location = np.log(made.predict({name: large[by[name]].to_numpy() for name in by}))
        scatter = np.sqrt(np.sum(made.residuals**2) / max(small.height - len(law.params), 1))
        if np.isfinite(location).all():
            yield law.name, Predictive(location, np.full(large.height, scatter + 1e-12), NORMAL)
