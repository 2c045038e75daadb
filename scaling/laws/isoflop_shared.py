"""Approach 2 without its bias: every isoFLOP curve is a constant and two powers of N.

    L_k(N) = e_k + a_k N**-alpha + b_k N**beta       at budget C_k
    N*_k = (alpha a_k / (beta b_k))**(1/(alpha+beta)),    N*(C) = G C**a

Where approach 3 holds this is the exact shape of an isoFLOP curve (D = C/(6N) turns B D^-beta
into a rising power of N), so minima are not biased by sizes that are off centre or reach far. The
two exponents are shared over budgets, and e, a, b are free at each (variable projection: given
the exponents they are least squares), so nothing is assumed of how they go with C, which approach
3 does.

Source: the shape is equation 10 of Hoffmann et al. 2022, arXiv:2203.15556, along 6ND = C; Czech et
al. 2026, arXiv:2603.22339, for what parabolas cost (6.5 % of the Llama 3 budget).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws import _isoflop
from scaling.laws._law import Law, Solve

POINTS = 4
# Exponents of the first look, and their range.
LOOK = (0.1, 0.25, 0.45, 0.8)
RANGE = (0.03, 2.0)


@dataclass(frozen=True)
class _Curves:
    """Rows by budget: log N less its mean in the budget, loss, root of weight, where each budget
    begins; and the mean log N and log C of each budget."""

    logs: Array
    y: Array
    root: Array
    begins: NDArray[np.int64]
    middle: Array
    log_c: Array


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """(G, a) through the minima of the best shared exponents."""
    return _minima(x, y, w).line()


def remarks(x: Mapping[str, Array], y: Array, w: Array) -> tuple[str, ...]:
    """What `estimate` left out."""
    return _isoflop.remarks(x, _minima(x, y, w), POINTS)


def _minima(x: Mapping[str, Array], y: Array, w: Array) -> _isoflop.Minima:
    """The minimum of each curve. It needs both powers to count: with a and b negative the same
    formula gives a maximum."""
    curves = _curves(x, y, w)
    exponents = _search(curves)
    alpha, beta = np.exp(exponents)
    _, sizes = _project(curves, exponents)
    down, up = sizes[:, 1], sizes[:, 2]
    rows = np.split(curves.logs, curves.begins[1:])
    low, high = np.array([one.min() for one in rows]), np.array([one.max() for one in rows])
    with np.errstate(all="ignore"):
        u = np.log(alpha * down / (beta * up)) / (alpha + beta)
    u = np.where((down > 0) & (up > 0), u, np.nan)
    middle = curves.middle
    return _isoflop.Minima(curves.log_c, u + middle, low + middle, high + middle)


def _curves(x: Mapping[str, Array], y: Array, w: Array) -> _Curves:
    """Budgets with enough sizes."""
    logs, log_c = np.log(x["params"]), np.log(x["flops"])
    present = [rows[w[rows] > 0] for rows in _isoflop.budgets(x, POINTS)]
    chosen = [rows for rows in present if len(np.unique(logs[rows])) >= POINTS]
    if len(chosen) < 2:
        raise InputError(f"budgets of {POINTS} sizes", value=len(chosen), allowed="at least 2")
    order, counts = np.concatenate(chosen), np.array([len(rows) for rows in chosen])
    middle = np.array([logs[rows].mean() for rows in chosen])
    return _Curves(
        logs[order] - np.repeat(middle, counts),
        y[order],
        np.sqrt(w[order]),
        np.concatenate([[0], np.cumsum(counts)[:-1]]),
        middle,
        np.array([log_c[rows].mean() for rows in chosen]),
    )


def _project(curves: _Curves, exponents: Array) -> tuple[Array, Array]:
    """Weighted residuals (rows,) and (e, a, b) of each budget for given logs of the exponents."""
    alpha, beta = np.exp(exponents)
    one = np.ones_like(curves.logs)
    table = np.stack([one, np.exp(-alpha * curves.logs), np.exp(beta * curves.logs)], axis=1)
    table *= curves.root[:, None]
    goal = curves.y * curves.root
    gram = np.add.reduceat(table[:, :, None] * table[:, None, :], curves.begins, axis=0)
    moment = np.add.reduceat(table * goal[:, None], curves.begins, axis=0)
    ridge = 1e-13 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    sizes = np.linalg.solve(gram + ridge, moment[:, :, None])[:, :, 0]
    counts = np.diff(np.append(curves.begins, len(goal)))
    return (table * np.repeat(sizes, counts, axis=0)).sum(axis=1) - goal, sizes


def _search(curves: _Curves) -> Array:
    """Logs of the exponents of least squares."""
    from scipy.optimize import least_squares

    def residuals(exponents: Array) -> Array:
        return _project(curves, exponents)[0]

    grid = [np.log(pair) for pair in itertools.product(LOOK, LOOK)]
    start = min(grid, key=lambda pair: float(np.sum(residuals(pair) ** 2)))
    scale = max(float(np.sqrt(np.mean(residuals(start) ** 2))), 1e-300)

    def scaled(exponents: Array) -> Array:
        return residuals(exponents) / scale

    ends = (float(np.log(RANGE[0])), float(np.log(RANGE[1])))
    return np.asarray(least_squares(scaled, start, bounds=ends, xtol=1e-10, ftol=1e-12).x)


LAW = Law(
    name="isoflop_shared",
    title="IsoFLOP curves with shared exponents",
    formula="N* = G C^a from e_k + a_k N^-alpha + b_k N^beta at each C",
    citation="Hoffmann et al. 2022, arXiv:2203.15556, equation 10 at 6ND = C",
    params=_isoflop.PARAMS,
    inputs=("flops",),
    predict=_isoflop.predict,
    estimate=estimate,
    remarks=remarks,
    example=_isoflop.example,
    needs=_isoflop.NEEDS,
    kinds=("loss", "bits_per_byte"),
    output="compute-optimal params",
    approach="2, shared exponents",
    roles={"exponents": 4},
    question="budgets",
    assumes="exponents that do not change with the budget; at least four sizes a budget",
    fails="few or noisy sizes; learning rates tuned at some sizes only",
)
