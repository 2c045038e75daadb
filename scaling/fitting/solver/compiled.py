"""Fits of laws that are sums of power terms, compiled (numba).

The same objective and derivatives as `scaling.fitting.solver.problem`, with damped steps instead of
the trust region of `scaling.fitting.solver.newton`, for one batch member at a time, in loops that
become vector instructions (`scaling.fitting.solver.loops`); exp and log are polynomials so that it
can. Tests hold it equal to the numpy kernel. `scaling.fitting.solver.choice` says when it serves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.fitting.solver import native, newton
from scaling.fitting.solver.power_form import PowerForm, power_form
from scaling.fitting.solver.problem import Problem
from scaling.fitting.solver.tiles import LANES, TILE

# Expected relative gain of a last step. Newton's steps converge quadratically, so what is left
# after it is of rounding's size (measured: 6e-14), and one step in ten is saved.
DONE = 1e-10
# Two starts whose objectives are this close, relatively, have found the same optimum.
AGREE = 1e-6
# A walk has fallen into a known optimum where its next step leaves at most this part of the way
# there, and promises the gain that is left to within this part. In 26,000 resamples of small,
# noisy or nearly-L1 fits, 150 of which have a better optimum, none was lost by it; with twice the
# first number and the second left out, 58 (docs/decisions/006-compiled-resamples.md).
NEAR, PROMISED = 0.25, 0.1

_KINDS = ("huber", "least_squares", "quantile")


def serves(problem: Problem, held: NDArray[np.int64] | None = None) -> bool:
    """Whether this kernel can fit the problem, with these coordinates ``held``: a `PowerForm`, and
    a loss that it knows."""
    form = power_form(problem) if problem.objective.kind in _KINDS else None
    return form is not None and (held is None or bool((form.places[held] >= 0).all()))


def minimise(
    problem: Problem,
    starts: Array,
    weights: Array,
    y: Array | None = None,
    known: newton.Minima | None = None,
    held: NDArray[np.int64] | None = None,
) -> newton.Minima:
    """As `scaling.fitting.solver.newton.minimise`, for problems that `serves` accepts.

    ``y`` (B, rows), on the link scale, gives each member observations of its own. ``known`` are
    optima reached from other starts: a member that falls into its own one stops, and ends there.
    ``held`` (B,) is a coordinate of each member that stays at its start.
    """
    form = power_form(problem)
    assert form is not None
    w = np.ascontiguousarray(form.inward(starts))
    still = np.repeat(form.held[None], 1 if held is None else len(w), axis=0)
    if held is not None:
        still[np.arange(len(w)), form.places[held]] = True
    f = _walk(
        form,
        w,
        (problem.y[None] if y is None else y, weights * problem.weights),
        _aim(problem),
        None if known is None else (known.f, form.inward(known.u)),
        still,
    )
    u = form.outward(w, starts)
    lost = np.isnan(u).any(axis=1)
    if lost.any():  # w has no coordinates of the law's own: walk in those
        own = None if y is None else y[lost]
        found = newton.minimise(problem, starts[lost], weights[lost], y=own)
        u[lost], f[lost] = found.u, found.f
    return newton.Minima(u, f, np.zeros(len(f), dtype=np.int64))


def _walk(
    form: PowerForm,
    starts: Array,
    data: tuple[Array, Array],
    aim: Array,
    known: tuple[Array, Array] | None,
    held: NDArray[np.bool_],
) -> Array:
    """Walk each start (B, Q) to its minimum in place; returns the objectives (B,).

    data: observations (B or 1, rows) and weights (B, rows); the others as `minimise` and
    `scaling.fitting.solver.loops.walk` say.
    """
    (members, p), (terms, exponents, rows) = starts.shape, form.z.shape
    room = rows + LANES
    tile, values = min(room, TILE), np.empty(members)
    y, weights = data
    f, ends = (np.full(members, -np.inf), starts) if known is None else known
    given = [starts, form.z, form.has, y, weights, form.positive, aim, _RULES, f, ends, held]
    sizes = np.array([members, p, terms, exponents, rows, len(y), len(held), tile])
    arrays = [
        sizes,
        *(_plain(one) for one in given),
        values,
        np.empty((terms * exponents + 2, room)),
        np.empty(room, dtype=np.int64),
        np.empty((p + 6, tile)),
        np.empty((2 * p + 6, p)),
    ]
    native.load()(*(one.ctypes.data for one in arrays))
    return values


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """As the loops take it: in one piece, of doubles or of bytes."""
    kind = np.uint8 if array.dtype == np.bool_ else np.float64
    return np.ascontiguousarray(array, dtype=kind)


def _aim(problem: Problem) -> Array:
    """(kind, delta, tau, link) of the objective."""
    aim = problem.objective
    link = float(aim.link == "linear")
    return np.array([float(_KINDS.index(aim.kind)), aim.delta, aim.tau, link])


_RULES = np.array(
    [
        newton.MAX_STEPS,
        newton.LONGEST_STEP,
        newton.GAIN_FOR_NEWTON,
        DONE,
        newton.STUCK,
        AGREE,
        NEAR,
        PROMISED,
    ]
)


def warm_up() -> None:
    """Compile and keep the loops (some 10 CPU seconds, once): set-up runs this module."""
    native.load()


if __name__ == "__main__":
    warm_up()
