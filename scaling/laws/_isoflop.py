"""IsoFLOP curves: runs of one budget, the size of least loss on each, and the line through them.

Budgets are rows whose compute agrees, or, where 6ND spreads too far for that, rows that share a
value of the column ``budget_group``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError, counted
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
COMPUTE_AND_SIZE = (
    Input("flops", typical=(1e17, 1e22)),
    Input("params", only_fit=True),
)
GROUP = "budget_group"
NEEDS = (
    *COMPUTE_AND_SIZE,
    Input(
        GROUP,
        meaning="which rows share a compute budget; without it, those whose compute agrees",
        default=float("nan"),
        levels=1,
        labels=True,
        only_fit=True,
    ),
)


@dataclass(frozen=True)
class Minima:
    """The minimum of each budget's curve, from small to large compute.

    Attributes:
        log_c: mean log compute (K,).
        size: log of the size of least loss (K,), NaN where the curve has no minimum.
        low, high: logs of the least and the largest size tried (K,).
    """

    log_c: Array
    size: Array
    low: Array
    high: Array

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which minima lie within `BEYOND` of the sizes tried (K,)."""
        return (self.size >= self.low - BEYOND) & (self.size <= self.high + BEYOND)

    def line(self) -> Array:
        """(G, a) of the least-squares line of log N* on log C.

        Raises:
            InputError: fewer than two budgets have a minimum among their sizes.
        """
        inside = self.inside
        if inside.sum() < 2:
            raise InputError(
                "budgets with an optimum inside",
                value=f"{inside.sum()} of {len(inside)}",
                allowed="at least 2",
                hint=self.left_out(),
            )
        return line(self.log_c[inside], self.size[inside])

    def left_out(self) -> str | None:
        """Which budgets the line leaves out, and why, as a sentence; None where it takes all."""
        downward = int(np.isnan(self.size).sum())
        outside = int((~self.inside).sum()) - downward
        if not downward + outside:
            return None
        reasons = [f"in {downward} the curve opens downward"] if downward else []
        reasons += [f"in {outside} the minimum is beyond the sizes tried"] if outside else []
        left = counted(downward + outside, "budget")
        return f"{left} of {len(self.size)} left out: {', '.join(reasons)}."


MinimaOf = Callable[[Mapping[str, Array], Array, Array], Minima]


def predict(p: Any, x: Any) -> Array:
    """Compute-optimal params at compute C."""
    value: Array = np.exp(np.log(p.G) + p.a * np.log(x.flops))
    return value


def budgets(x: Mapping[str, Array], points: int) -> list[NDArray[np.int64]]:
    """Rows of each budget with at least ``points`` sizes, from small to large compute.

    Raises:
        InputError: less than half of the rows belong to such budgets.
    """
    kept = [rows for rows in _groups(x) if len(np.unique(x["params"][rows])) >= points]
    inside = sum(len(rows) for rows in kept)
    if 2 * inside < len(x["flops"]):
        raise InputError(
            f"rows in compute budgets of {points} sizes or more",
            value=f"{inside} of {len(x['flops'])}",
            allowed="at least half",
            hint=f"A column that names the budget of each row: --budget-column, or {GROUP}.",
        )
    return kept


def _groups(x: Mapping[str, Array]) -> list[NDArray[np.int64]]:
    """Rows by budget, from small to large compute: by name, or where compute agrees."""
    order = np.argsort(x["flops"], kind="stable")
    logs = np.log(x["flops"][order])
    if _named(x):
        codes = x[GROUP]
        groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
        return sorted(groups, key=lambda rows: float(np.log(x["flops"][rows]).mean()))
    groups = np.split(order, np.flatnonzero(np.diff(logs) > GAP) + 1)
    return [rows for rows in groups if np.ptp(np.log(x["flops"][rows])) <= SPREAD]


def _named(x: Mapping[str, Array]) -> bool:
    return bool(GROUP in x and np.isfinite(x[GROUP]).all())


def curve_by_curve(
    x: Mapping[str, Array],
    y: Array,
    w: Array,
    minimum: Callable[[Array, Array, Array], float],
    points: int,
) -> Minima:
    """The minima that ``minimum(log N, loss, w)`` finds; it answers NaN where a budget shows none.
    A budget needs ``points`` different sizes."""
    logs = np.log(x["params"])
    found = []
    for group in budgets(x, points):
        rows = group[w[group] > 0]
        if len(np.unique(logs[rows])) < points:
            continue
        u = minimum(logs[rows], y[rows], w[rows])
        at = float(np.mean(np.log(x["flops"][rows])))
        found.append((at, u, logs[rows].min(), logs[rows].max()))
    return Minima(*np.array(found).reshape(-1, 4).T)


def polynomial(logs: Array, y: Array, w: Array, degree: int) -> Array:
    """Coefficients, highest power first, of the weighted least-squares polynomial; NaN where the
    sizes do not determine it."""
    found, _, rank, *_ = np.polyfit(logs, y, degree, w=np.sqrt(w), full=True)
    return np.asarray(found) if rank > degree else np.full(degree + 1, np.nan)


def remarks(x: Mapping[str, Array], found: Minima, points: int) -> tuple[str, ...]:
    """What the line leaves out of the table, and how far the compute of a named budget spreads."""
    used = budgets(x, points)
    without = len(x["flops"]) - sum(map(len, used))
    said = [found.left_out()]
    if without:
        said.append(
            f"{counted(without, 'row')} of {len(x['flops'])} in no compute budget of {points} "
            "sizes or more, and left out."
        )
    factor = float(np.exp(max(np.ptp(np.log(x["flops"][rows])) for rows in used)))
    if factor > np.exp(SPREAD):
        said.append(f"Compute within one budget differs by up to a factor of {factor:.3g}.")
    return tuple(filter(None, said))


def line(at: Array, best: Array) -> Array:
    """(G, a) of the least-squares line of log N* on log C."""
    a, level = np.polyfit(at, best, 1)
    with np.errstate(over="ignore", under="ignore"):  # a steep line has no finite N* at 1 FLOP
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
