"""The error of a law on the largest runs, fitted without them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from scaling.errors import InputError
from scaling.fitting.data import law_inputs, log_size, number
from scaling.fitting.engine import default_objective, fit
from scaling.laws._law import Law

# The largest runs that a law's held-out error hides: a fifth.
HELD_OUT = 0.2


def holdout_error(runs: pl.DataFrame, law: Law, by: Mapping[str, str] | None, target: str) -> float:
    """Root mean square error, on the law's scale, on the largest fifth of the runs, fitted on the
    rest; infinite where it cannot be had. ``by`` maps inputs to columns."""
    bound = law.bound(runs, target)
    columns = law_inputs(runs, bound, by)
    sizes = {name: x for name, x in columns.items() if x.min() > 0}
    if bound.output or not sizes:
        return float("inf")
    size = log_size(sizes)
    edge = np.quantile(size, 1.0 - HELD_OUT)
    small, large = pl.Series(size < edge), pl.Series(size >= edge)
    if small.sum() <= len(bound.params) or large.sum() == 0:
        return float("inf")
    try:
        made = fit(runs.filter(small), bound, target=target, inputs=by)
    except InputError:  # what is left of the table can lack what the law needs
        return float("inf")
    where = large.to_numpy()
    predicted = made.predict({name: x[where] for name, x in columns.items()})
    aim = default_objective(bound)
    with np.errstate(all="ignore"):
        error = aim.to_link(predicted) - aim.to_link(number(runs, target)[where])
    return float(np.sqrt(np.mean(error**2))) if np.isfinite(error).all() else float("inf")
