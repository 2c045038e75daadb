"""IsoFLOP curves: runs of one budget, the size of least loss on each, and the line through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Input, Param

# Budgets are where log compute leaves a gap; within one they agree to rounding.
GAP = 0.05
SPREAD = 0.1
# A minimum this far (in logs) outside the sizes that were tried is no measurement.
BEYOND = 0.7

PARAMS = (
    Param("G", "parameters", "N* at 1 FLOP"),
    Param("a", "1", "exponent of compute in N*; D* has 1 - a", "real", start=(0.2, 0.9)),
)
NEEDS = (
    Input("flops", typical=(1e17, 1e22)),
    Input("params", only_fit=True),
)


def predict(p: Any, x: Any) -> Array:
    """Compute-optimal params at compute C."""
    value: Array = np.exp(np.log(p.G) + p.a * np.log(x.flops))
    return value


def budgets(flops: Array, params: Array, points: int) -> list[NDArray[np.int64]]:
    """Rows of each budget with at least ``points`` sizes, from small to large compute.

    Raises:
        InputError: less than half of the rows belong to such budgets.
    """
    order = np.argsort(flops, kind="stable")
    logs = np.log(flops[order])
    groups = np.split(order, np.flatnonzero(np.diff(logs) > GAP) + 1)
    kept = [
        rows
        for rows in groups
        if len(np.unique(params[rows])) >= points and np.ptp(np.log(flops[rows])) <= SPREAD
    ]
    inside = sum(len(rows) for rows in kept)
    if 2 * inside < len(flops):
        raise InputError(
            f"rows in compute budgets of {points} sizes or more",
            value=f"{inside} of {len(flops)}",
            allowed="at least half",
        )
    return kept


def through_minima(
    x: Mapping[str, Array],
    y: Array,
    w: Array,
    minimum: Callable[[Array, Array, Array], float],
    points: int,
) -> Array:
    """(G, a) of the line through the minima that ``minimum(log N, loss, w)`` finds; it answers NaN
    where a budget shows none. A budget needs ``points`` different sizes."""
    logs = np.log(x["params"])
    at, best = [], []
    for group in budgets(x["flops"], x["params"], points):
        rows = group[w[group] > 0]
        if len(np.unique(logs[rows])) < points:
            continue
        u = minimum(logs[rows], y[rows], w[rows])
        if logs[rows].min() - BEYOND <= u <= logs[rows].max() + BEYOND:
            at.append(float(np.mean(np.log(x["flops"][rows]))))
            best.append(u)
    return line(np.array(at), np.array(best))


def line(at: Array, best: Array) -> Array:
    """(G, a) of the least-squares line of log N* on log C."""
    if len(at) < 2:
        raise InputError("budgets with an optimum inside", value=len(at), allowed="at least 2")
    a, level = np.polyfit(at, best, 1)
    return np.array([np.exp(level), a])


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, Mapping[str, float]]:
    """Eight budgets of nine sizes of an approach 3 law with exponents .34 and .28."""
    rows = []
    for c in np.geomspace(1e18, 3e21, 8):
        best = 0.9 * (c / 6.0) ** (0.28 / 0.62)
        for n in best * np.geomspace(0.15, 6.0, 9):
            loss = 1.69 + 406.4 * n**-0.34 + 410.7 * (c / 6.0 / n) ** -0.28
            rows.append((c, n, c / 6.0 / n, loss * np.exp(5e-4 * rng.standard_normal())))
    table = pl.DataFrame(rows, schema=["flops", "params", "tokens", "loss"], orient="row")
    return table, {"a": 0.28 / 0.62}
