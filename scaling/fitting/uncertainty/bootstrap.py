"""Resamples of a fit, by row or by cluster, each from the better of two starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.fitting.solver.choice import minimise
from scaling.fitting.solver.newton import Minima
from scaling.fitting.solver.problem import Problem, batch_size
from scaling.fitting.uncertainty.sandwich import curvature, inverse, row_scores

# Resamples and their counts (B, rows) -> coordinates (B, P) to start at.
Starts = Callable[[slice, Array], Array]

AGREE = 1e-6
# Second starts lie this many standard deviations from the first ends. A half to one finds as many
# better optima as draws about the centre of all ends, in fewer steps
# (docs/decisions/006-compiled-resamples.md).
AROUND = 0.7
# Largest step, in logs, of a predicted start.
FARTHEST = 1.0
# Resampled rows whose weights are kept for the second pass instead of being drawn again.
KEPT = 2_000_000
# Resampled rows from which loading the compiled solver (.05 CPU seconds) pays.
COMPILE_FROM = 5_000


@dataclass(frozen=True)
class Resamples:
    """Coordinates (R, P), objectives (R,) and the share of resamples whose two starts agree."""

    u: Array
    f: Array
    agreeing: float


def resample(
    problem: Problem,
    u: Array,
    groups: NDArray[np.int64],
    count: int,
    seed: int,
    size: int | None = None,
) -> Resamples:
    """Refit ``count`` resamples of the clusters ``groups`` (rows,), starting from ``u`` (P,).

    Each draws as many clusters as there are, or ``size`` of them: more make the spread narrower.

    The first start is where the scores of the rows predict the optimum, see `_predicted`. It alone
    misses the better basin in one or two resamples of a hundred (with Huber's small delta the
    objective has kinks), so a second start, the end of the first one and a draw from the
    covariance of all these ends, is polished too, and the better of the two is kept.
    """
    blocks = _Blocks(problem, count, groups, seed, size)
    first = _pass(problem, blocks, _predicted(problem, u), None)
    scatter = np.random.default_rng([seed, 1])
    spread = first.u - np.median(first.u, axis=0)
    usual = np.median(np.abs(spread), axis=0)
    calm = np.where(np.abs(spread) > 8 * usual, 0.0, spread)
    away = AROUND * scatter.standard_normal((count, len(u))) @ _root(calm).T
    other = _pass(problem, blocks, lambda part, _: first.u[part] + away[part], first)
    better = other.f < first.f
    agree = np.abs(other.f - first.f) <= AGREE * np.abs(np.minimum(first.f, other.f))
    return Resamples(
        np.where(better[:, None], other.u, first.u),
        np.minimum(first.f, other.f),
        float(agree.mean()),
    )


def _predicted(problem: Problem, u: Array) -> Starts:
    """One Newton step from the optimum ``u`` (P,) of all rows, for resamples of counts c:

        u - H^-1 sum_i (c_i - 1) s_i

    with s_i the score of row i and H the smoothed curvature of
    `scaling.fitting.uncertainty.sandwich`. It leaves half of the way. Where a parameter is searched
    as it is, a step has no natural limit, and the start is ``u``.
    """
    if any(axis.kind == "real" for axis in problem.space.by_coordinate):
        return lambda part, counts: np.repeat(u[None], len(counts), axis=0)
    scores = row_scores(problem, u[None])
    step = -scores @ inverse(curvature(problem, u[None]))

    def starts(part: slice, counts: Array) -> Array:
        by = (counts - 1.0) @ step
        longest = np.abs(by).max(axis=1, keepdims=True)
        out: Array = u + by * np.minimum(1.0, FARTHEST / np.maximum(longest, 1e-300))
        return out

    return starts


def _root(spread: Array) -> Array:
    """Root (P, P) of the covariance of ``spread`` (R, P), whatever the units of its columns."""
    covariance = spread.T @ spread / max(len(spread) - 1, 1)
    size = np.sqrt(np.diag(covariance))
    unit = np.where(size > 0, size, 1.0)
    scaled = covariance / np.outer(unit, unit) + 1e-10 * np.eye(len(unit))
    out: Array = np.linalg.cholesky(scaled) * size[:, None]
    return out


class _Blocks:
    """`resampled_weights`, twice: kept where they are few."""

    def __init__(
        self,
        problem: Problem,
        count: int,
        groups: NDArray[np.int64],
        seed: int,
        size: int | None,
    ) -> None:
        self.count = count
        self._draw = partial(resampled_weights, problem, count, groups, seed, size)
        self._kept = list(self._draw()) if count * problem.rows <= KEPT else None

    def __iter__(self) -> Iterator[tuple[slice, Array]]:
        return self._draw() if self._kept is None else iter(self._kept)


def _pass(problem: Problem, blocks: _Blocks, starts: Starts, known: Minima | None) -> Minima:
    """All resamples from their starts; ``known`` are optima reached from others."""
    parts = []
    pays = blocks.count * problem.rows >= COMPILE_FROM
    for part, weights in blocks:
        ends = None if known is None else Minima(known.u[part], known.f[part], known.steps[part])
        begin = starts(part, weights)
        parts.append(minimise(problem, begin, weights, known=ends, pays=pays))
    return Minima(
        np.concatenate([one.u for one in parts]),
        np.concatenate([one.f for one in parts]),
        np.concatenate([one.steps for one in parts]),
    )


def resampled_weights(
    problem: Problem,
    count: int,
    groups: NDArray[np.int64],
    seed: int,
    size: int | None = None,
) -> Iterator[tuple[slice, Array]]:
    """`resampled_counts` of a problem's rows, with the part of the resamples that each is."""
    start = 0
    for counts in resampled_counts(problem.rows, count, groups, seed, size):
        yield slice(start, start + len(counts)), counts
        start += len(counts)


def resampled_counts(
    rows: int, count: int, groups: NDArray[np.int64], seed: int, size: int | None = None
) -> Iterator[Array]:
    """Counts of the clusters, spread over their rows; each resample draws ``size`` of them (None:
    as many as there are), and the counts of one sum to the number of clusters.

    One stream in resample order, a block at a time, so the block size does not change the draws.
    Counting drawn indices takes a fifth of the time of `Generator.multinomial`.
    """
    rng = np.random.default_rng([seed, 0])
    number = int(groups.max()) + 1
    size = number if size is None else size
    most = 4 * batch_size(rows)
    for start in range(0, count, most):
        block = min(most, count - start)
        drawn = rng.integers(0, number, size=(block, size))
        drawn += number * np.arange(block)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=block * number).astype(np.float64)
        counts = counts.reshape(block, number) * (number / size)
        yield counts if number == rows else counts[:, groups]
