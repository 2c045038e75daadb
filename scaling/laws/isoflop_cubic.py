"""Approach 2 with cubics: as `isoflop`, with a cubic in log N through each isoFLOP curve.

    N*(C) = G C**a

The third power takes up the skew of a true isoFLOP curve, which a parabola turns into bias of the
minimum; it needs five sizes a budget and is noisier with few.

Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.2, for the approach; Czech et al. 2026,
arXiv:2603.22339, for the bias of parabolas.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scaling.arrays import Array
from scaling.laws import _isoflop
from scaling.laws._law import Law, Solve

POINTS = 5


def minimum(logs: Array, y: Array, w: Array) -> float:
    """Where the cubic has its local minimum; NaN where it has none."""
    middle = float(logs.mean())
    cube, square, slope, _ = _isoflop.polynomial(logs - middle, y, w, 3)
    inner = square**2 - 3.0 * cube * slope
    if not inner > 0:
        return float("nan")
    # The root at which the second derivative is positive, in the form that does not cancel.
    return middle - slope / (square + np.sqrt(inner)) if square + np.sqrt(inner) > 0 else np.nan


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """(G, a) by cubics."""
    return _isoflop.curve_by_curve(x, y, w, minimum, POINTS).line()


def remarks(x: Mapping[str, Array], y: Array, w: Array) -> tuple[str, ...]:
    """What `estimate` left out."""
    return _isoflop.remarks(x, _isoflop.curve_by_curve(x, y, w, minimum, POINTS), POINTS)


LAW = Law(
    name="isoflop_cubic",
    title="IsoFLOP cubics",
    formula="N* = G C^a from a cubic in log N at each C",
    citation="Hoffmann et al. 2022, arXiv:2203.15556, section 3.2",
    params=_isoflop.PARAMS,
    inputs=("flops",),
    predict=_isoflop.predict,
    estimate=estimate,
    remarks=remarks,
    example=_isoflop.example,
    needs=_isoflop.NEEDS,
    kinds=("loss", "bits_per_byte"),
    output="compute-optimal params",
    approach="2, isoFLOP cubics",
    roles={"exponents": 3},
    question="budgets",
    assumes="at least five sizes at each of several budgets, on both sides of the best",
    fails="few or noisy sizes",
)
