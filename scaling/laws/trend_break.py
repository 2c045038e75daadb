"""Growth in time with one break: two straight lines in the logarithm that meet.

    y(t) = y0 * g1**(t - 2020)                              t <= t_b
    y(t) = y0 * g1**(t_b - 2020) * g2**(t - t_b)            t > t_b

g1, g2 growth per year before and after the break at t_b (in years), y0 the level of the first
line at the start of 2020. For every possible break the rest is least squares on log y; the best
break is kept, with at least four dates on each side.

Source: the form of Sevilla et al. 2022, arXiv:2202.05924 (eras of training compute). A break found
in noise is the rule, not the exception: compare with `trend` on held-out dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Law, Param, Solve
from scaling.laws._time import DATE, EPOCH

FEWEST = 4
PLACES = 120


def predict(p: Any, x: Any) -> Array:
    """Level at date t; the exponent is held where exp would overflow."""
    late = np.maximum(x.date - p.t_b, 0.0)
    early = x.date - EPOCH - late
    logs = np.log(p.y0) + np.log(p.g1) * early + np.log(p.g2) * late
    value: Array = np.exp(np.minimum(np.maximum(logs, -700.0), 700.0))
    return value


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """Least squares on log y at every place of the break; the least sum wins."""
    kept = w > 0
    t, logs, root = x["date"][kept], np.log(y[kept]), np.sqrt(w[kept])
    dates = np.unique(t)
    if len(dates) < 2 * FEWEST:
        raise InputError("too few dates", value=len(dates), allowed=f">= {2 * FEWEST}")
    best, least = np.full(4, np.nan), np.inf
    for place in np.linspace(dates[FEWEST - 1], dates[-FEWEST], PLACES):
        late = np.maximum(t - place, 0.0)
        table = np.stack([np.ones_like(t), t - EPOCH - late, late], axis=1) * root[:, None]
        line, *_ = np.linalg.lstsq(table, logs * root, rcond=None)
        total = float(np.sum((table @ line - logs * root) ** 2))
        if total < least:
            least = total
            best = np.array([*np.exp(np.clip(line, -700.0, 700.0)), place])
    return best


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Growth of 1.5 a year that becomes 5 in 2017."""
    truth = {"g1": 1.5, "g2": 5.0, "t_b": 2017.0}
    t = rng.uniform(2008.0, 2025.0, 300)
    y = LAW({"y0": 3.0, **truth}, {"date": t}) * np.exp(0.3 * rng.standard_normal(300))
    return pl.DataFrame({"date": t, "value": y}), truth


LAW = Law(
    name="trend_break",
    title="Growth in time with one break",
    formula="y = y0 g1^(t - 2020) up to t_b, growth g2 after it",
    citation="after Sevilla et al. 2022, arXiv:2202.05924",
    params=(
        Param("y0", "unit of y", "level of the first line in 2020", start=(1e-2, 1e3)),
        Param("g1", "1/year", "growth per year before the break", start=(0.5, 5.0)),
        Param("g2", "1/year", "growth per year after it", start=(0.5, 5.0)),
        Param("t_b", "years", "date of the break", "real", start=(2014.0, 2022.0)),
    ),
    inputs=("date",),
    predict=predict,
    target="value",
    needs=(DATE,),
    estimate=estimate,
    example=example,
    question="dates",
    assumes="one change of growth, no jump",
    fails="few dates on one side; no break at all, where t_b is anywhere",
)
