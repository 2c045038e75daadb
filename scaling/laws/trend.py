"""Growth in time: a straight line in the logarithm.

    y(t) = y0 * g**(t - 2020)

t date in years, y any positive quantity (training compute, cost, price-performance, task horizon),
g growth per year, y0 the level at the start of 2020. Fitted by least squares on log y;
doubling time = 365.25 ln 2 / ln g days. `scaling.analysis.trends.growth` is the same fit as a plain
function of dates and values, with intervals.

Sources: Sevilla et al. 2022, "Compute Trends Across Three Eras of Machine Learning",
arXiv:2202.05924; Epoch AI's page on training compute gives 4.7 times a year (90 % interval
4.3 to 5.2, 428 notable models since 2010; read in a secondary source); Kwa et al. 2025 (METR),
arXiv:2503.14499, a task horizon that doubles in about 7 months (212 days; read in a secondary
source).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published, Solve
from scaling.laws._time import DATE, EPOCH


def predict(p: Any, x: Any) -> Array:
    """Level at date t; the exponent is held where exp would overflow."""
    logs = np.log(p.y0) + np.log(p.g) * (x.date - EPOCH)
    value: Array = np.exp(np.minimum(np.maximum(logs, -700.0), 700.0))
    return value


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """Weighted least squares of log y on the date."""
    root = np.sqrt(w)
    table = np.stack([np.ones_like(y), x["date"] - EPOCH], axis=1)
    line, *_ = np.linalg.lstsq(table * root[:, None], np.log(y) * root, rcond=None)
    return np.asarray(np.exp(np.clip(line, -700.0, 700.0)))


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Two hundred models of twelve years with a scatter of one e-fold."""
    truth = {"y0": 10.0, "g": 4.5}
    t = rng.uniform(2012.0, 2024.0, 200)
    y = truth["y0"] * truth["g"] ** (t - EPOCH) * np.exp(rng.standard_normal(200))
    return pl.DataFrame({"date": t, "value": y}), {"g": truth["g"]}


LAW = Law(
    name="trend",
    title="Growth in time",
    formula="y = y0 g^(t - 2020)",
    citation="Sevilla et al. 2022, arXiv:2202.05924",
    params=(
        Param("y0", "unit of y", "level at the start of 2020", start=(1e-2, 1e3)),
        Param("g", "1/year", "growth factor per year", start=(0.5, 5.0)),
    ),
    inputs=("date",),
    predict=predict,
    target="value",
    needs=(DATE,),
    estimate=estimate,
    example=example,
    published=(
        Published(
            paper="epoch2025",
            citation="Epoch AI, Data on Notable AI Models (training compute since 2010)",
            data="428 notable models; ours: epoch-models, snapshot 2025-06",
            values={"g": 4.7},
            note="90 % interval 4.3 to 5.2",
            secondary=True,
        ),
    ),
    question="dates",
    assumes="one growth rate; which models are in the list does not change with time",
    fails="selection that drifts (Epoch's own list was revised: 2010 to May 2024 moved from 3.79 "
    "to 4.26 a year between its copies), breaks (`trend_break`)",
)
