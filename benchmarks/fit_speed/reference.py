"""The reference: SciPy's L-BFGS-B with an analytic gradient, on Hoffmann et al.'s grid of starts.

As fast as plain numpy makes it: centred logs (sizes and exponents hardly correlate), one
log-sum-exp for value and gradient, work arrays allocated once. Three tolerances: SciPy's rule to
stop is absolute for values below 1, and the objective is about 1e-3, so the defaults stop early
unless the objective is scaled.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize

from benchmarks.fit_speed.points import OPTIMUM
from benchmarks.fit_speed.timing import Timing, timed

Array = NDArray[np.float64]
DELTA = 1e-3
REACHED = 1e-6


@dataclass(frozen=True)
class Tolerance:
    """A way to call L-BFGS-B."""

    name: str
    scale: float
    options: dict[str, float]


TOLERANCES = (
    Tolerance("default tolerances", 1.0, {}),
    Tolerance("objective x 1,000, default tolerances", 1e3, {}),
    Tolerance(
        "objective x 1,000, tight tolerances",
        1e3,
        {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10_000, "maxfun": 100_000},
    ),
)


@dataclass(frozen=True)
class Reference:
    """What one tolerance takes and reaches; seconds are scaled to all starts and resamples."""

    name: str
    starts: int
    resamples: int
    start_seconds: float
    resample_seconds: float
    starts_reached: float
    resamples_reached: float
    best: float

    @property
    def seconds(self) -> float:
        """Global fit and resamples."""
        return self.start_seconds + self.resample_seconds


class Objective:
    """Sum of Huber losses on log residuals of E + A/N^alpha + B/D^beta, and its gradient.

    Coordinates: log sizes at the mean log input (a, b, e), then alpha and beta.
    """

    def __init__(self, points: pl.DataFrame, scale: float) -> None:
        logs = [np.log(points[name].to_numpy()) for name in ("params", "tokens")]
        self.centre = [float(column.mean()) for column in logs]
        self.z = [column - mean for column, mean in zip(logs, self.centre, strict=True)]
        self.y = np.log(points["loss"].to_numpy())
        self.scale = scale
        self.terms = np.empty((3, len(self.y)))

    def __call__(self, u: Array, weights: Array) -> tuple[float, Array]:
        """Value and gradient."""
        terms, (n, d) = self.terms, self.z
        np.multiply(n, -u[3], out=terms[0])
        np.multiply(d, -u[4], out=terms[1])
        terms[0] += u[0]
        terms[1] += u[1]
        terms[2] = u[2]
        top = terms.max(axis=0)
        terms -= top
        np.exp(terms, out=terms)
        total = terms.sum(axis=0)
        r = np.log(total) + top - self.y
        inner = np.minimum(np.maximum(r, -DELTA), DELTA)
        slope = weights * inner
        f = slope @ (r - 0.5 * inner)
        terms *= slope / total
        g = np.array([*terms.sum(axis=1), -(terms[0] @ n), -(terms[1] @ d)])
        return self.scale * f, self.scale * g

    def start(self, at: Sequence[float]) -> Array:
        """Coordinates of one point of the grid (a, b, e, alpha, beta)."""
        a, b, e, alpha, beta = at
        return np.array([a - alpha * self.centre[0], b - beta * self.centre[1], e, alpha, beta])

    def minimise(self, at: Array, weights: Array, options: dict[str, float]) -> tuple[float, Array]:
        """Where L-BFGS-B ends."""
        found: Any = optimize.minimize(
            self, at, args=(weights,), jac=True, method="L-BFGS-B", options=options
        )
        return float(found.fun) / self.scale, found.x


def grid() -> list[tuple[float, ...]]:
    """Hoffmann et al.'s 4,500 starts: a, b 0 to 25, e -1 to 1, alpha, beta 0 to 2."""
    axes = (
        np.arange(0.0, 26.0, 5.0),
        np.arange(0.0, 26.0, 5.0),
        np.arange(-1.0, 1.1, 0.5),
        np.arange(0.0, 2.1, 0.5),
        np.arange(0.0, 2.1, 0.5),
    )
    return [tuple(map(float, point)) for point in itertools.product(*axes)]


def measure(
    points: pl.DataFrame, weights: Array, ours: Array, sample: int, repeats: int
) -> list[Reference]:
    """Every tolerance on ``sample`` random starts and on the first ``sample`` resamples.

    Args:
        points: params, tokens, loss.
        weights: counts of the resamples, (R, rows).
        ours: our objectives of the same resamples, (R,).
        sample: starts and resamples to time.
        repeats: of both; the median counts.
    """
    return [_measure(points, weights, ours, tolerance, sample, repeats) for tolerance in TOLERANCES]


def _measure(
    points: pl.DataFrame,
    weights: Array,
    ours: Array,
    tolerance: Tolerance,
    sample: int,
    repeats: int,
) -> Reference:
    objective = Objective(points, tolerance.scale)
    every = grid()
    pick = np.random.default_rng(0).permutation(len(every))[:sample]
    begin = [objective.start(every[k]) for k in pick]
    flat = np.ones(len(points))
    ends: list[tuple[float, Array]] = []

    def search() -> None:
        ends[:] = [objective.minimise(u, flat, tolerance.options) for u in begin]

    searched = timed(search, repeats)
    f = np.array([end[0] for end in ends])
    best = ends[int(np.argmin(f))][1]
    again, again_f = _resampled(objective, best, weights[:sample], tolerance, repeats)
    return Reference(
        name=tolerance.name,
        starts=len(begin),
        resamples=len(again_f),
        start_seconds=searched.median * len(every) / len(begin),
        resample_seconds=again.median * len(weights) / len(again_f),
        starts_reached=float(np.mean(f <= OPTIMUM * (1 + REACHED))),
        resamples_reached=float(np.mean(again_f <= ours[: len(again_f)] * (1 + REACHED))),
        best=float(f.min() / OPTIMUM - 1),
    )


def _resampled(
    objective: Objective, best: Array, weights: Array, tolerance: Tolerance, repeats: int
) -> tuple[Timing, Array]:
    """Each resample from the optimum alone."""
    found: list[float] = []

    def job() -> None:
        found[:] = [objective.minimise(best, w, tolerance.options)[0] for w in weights]

    return timed(job, repeats), np.array(found)
