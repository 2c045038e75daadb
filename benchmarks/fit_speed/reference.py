"""The reference: SciPy's L-BFGS-B with an analytic gradient, on Hoffmann et al.'s grid of starts.

As fast as plain numpy makes it: centred logs (sizes and exponents hardly correlate), one
log-sum-exp for value and gradient, work arrays allocated once. Three tolerances: SciPy's rule to
stop is absolute for values below 1, and the objective is about 1e-3, so the defaults stop early
unless the objective is scaled.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize

from benchmarks.fit_speed.points import OPTIMUM

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
        {"ftol": 1e-15, "gtol": 1e-10},
    ),
)


@dataclass(frozen=True)
class Reference:
    """What one tolerance takes and reaches; seconds are scaled to all starts and resamples."""

    name: str
    starts: int
    of_starts: int
    resamples: int
    start_seconds: float
    start_error: float
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
        minimize: Any = optimize.minimize
        found = minimize(self, at, args=(weights,), jac=True, method="L-BFGS-B", options=options)
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
    flat = np.ones(len(points))
    begin = [(objective.start(every[k]), flat) for k in pick]
    starts = _walk(objective, begin, tolerance, repeats)
    best = starts.u[int(np.argmin(starts.f))]
    again = _walk(objective, [(best, w) for w in weights[:sample]], tolerance, repeats)
    count = len(begin)
    return Reference(
        name=tolerance.name,
        starts=count,
        of_starts=len(every),
        resamples=len(again.f),
        start_seconds=float(starts.seconds.mean()) * len(every),
        start_error=float(starts.seconds.std() / np.sqrt(count)) * len(every),
        resample_seconds=float(again.seconds.mean()) * len(weights),
        starts_reached=float(np.mean(starts.f <= OPTIMUM * (1 + REACHED))),
        resamples_reached=float(np.mean(again.f <= ours[: len(again.f)] * (1 + REACHED))),
        best=float(starts.f.min() / OPTIMUM - 1),
    )


@dataclass(frozen=True)
class _Walks:
    """Of each walk: CPU seconds (the median of its repeats), objective, coordinates."""

    seconds: Array
    f: Array
    u: list[Array]


def _walk(
    objective: Objective, begin: Sequence[tuple[Array, Array]], tolerance: Tolerance, repeats: int
) -> _Walks:
    """From each start, with its weights."""
    seconds = np.empty((repeats, len(begin)))
    for r in range(repeats):
        ends = []
        for k, (u, weights) in enumerate(begin):
            began = time.process_time()
            ends.append(objective.minimise(u, weights, tolerance.options))
            seconds[r, k] = time.process_time() - began
    return _Walks(np.median(seconds, axis=0), np.array([e[0] for e in ends]), [e[1] for e in ends])
