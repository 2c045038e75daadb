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

from collections.abc import Mapping

import numpy as np

from scaling.laws import _isoflop
from scaling.laws._law import Array, Law

POINTS = 4
GRID = 12
LOW, HIGH = 0.03, 1.6
ROUNDS = 7


def estimate(x: Mapping[str, Array], y: Array, w: Array) -> Array:
    """(G, a) through the minima of the best shared exponents."""
    sets = _sets(x, y, w)
    alpha, beta = _search(sets)
    at, best = [], []
    for logs, loss, weight, log_c in sets:
        _, (_, down, up) = _project(logs, loss, weight, alpha, beta)
        if down > 0 and up > 0:
            u = float(np.log(alpha * down / (beta * up)) / (alpha + beta))
            if logs.min() - _isoflop.BEYOND <= u <= logs.max() + _isoflop.BEYOND:
                at.append(log_c)
                best.append(u + float(np.log(x["params"]).mean()))
    return _isoflop.line(np.array(at), np.array(best))


def _sets(x: Mapping[str, Array], y: Array, w: Array) -> list[tuple[Array, Array, Array, float]]:
    """Centred log N, loss, weights and log C of each budget with enough sizes."""
    logs = np.log(x["params"])
    logs = logs - logs.mean()
    codes = _isoflop.budgets(x["flops"])
    found = []
    for code in range(codes.max() + 1):
        rows = (codes == code) & (w > 0)
        if len(np.unique(logs[rows])) >= POINTS:
            log_c = float(np.mean(np.log(x["flops"][rows])))
            found.append((logs[rows], y[rows], w[rows], log_c))
    return found


def _project(logs: Array, y: Array, w: Array, alpha: float, beta: float) -> tuple[float, Array]:
    """Weighted squares and (e, a, b) of one budget for given exponents."""
    root = np.sqrt(w)
    table = np.stack([np.ones_like(logs), np.exp(-alpha * logs), np.exp(beta * logs)], axis=1)
    sizes = np.linalg.lstsq(table * root[:, None], y * root, rcond=1e-12)[0]
    return float(np.sum(w * (table @ sizes - y) ** 2)), sizes


def _search(sets: list[tuple[Array, Array, Array, float]]) -> tuple[float, float]:
    """The exponents of least squares: a grid in logs, zoomed in on its best point."""
    low, high = np.log([LOW, LOW]), np.log([HIGH, HIGH])
    points = GRID
    for _ in range(ROUNDS):
        axes = [np.linspace(a, b, points) for a, b in zip(low, high, strict=True)]
        value = np.array([[_total(sets, a, b) for b in axes[1]] for a in axes[0]])
        i, j = np.unravel_index(int(value.argmin()), value.shape)
        centre = np.array([axes[0][i], axes[1][j]])
        reach = (high - low) / (points - 1)
        low, high = centre - reach, centre + reach
        points = 5
    return float(np.exp(centre[0])), float(np.exp(centre[1]))


def _total(sets: list[tuple[Array, Array, Array, float]], a: float, b: float) -> float:
    return sum(_project(logs, y, w, np.exp(a), np.exp(b))[0] for logs, y, w, _ in sets)


LAW = Law(
    name="isoflop_shared",
    title="IsoFLOP curves with shared exponents",
    formula="N* = G C^a from e_k + a_k N^-alpha + b_k N^beta at each C",
    citation="Hoffmann et al. 2022, arXiv:2203.15556, equation 10 at 6ND = C",
    params=_isoflop.PARAMS,
    inputs=("flops",),
    predict=_isoflop.predict,
    estimate=estimate,
    example=_isoflop.example,
    needs=_isoflop.NEEDS,
    kinds=("loss", "bits_per_byte"),
    output="compute-optimal params",
    assumes="exponents that do not change with the budget; at least four sizes a budget",
    fails="few or noisy sizes; learning rates tuned at some sizes only",
)
