"""Resamples of a fit, by row or by cluster, each from the better of two starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.fit.newton import Minima, minimise
from scaling.fit.problem import Problem, batch_size

Array = NDArray[np.float64]

AGREE = 1e-6
# Resampled rows from which importing the compiled solver (half a CPU second) pays.
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

    A warm start alone misses the better basin in one or two resamples of a hundred (with
    Huber's small delta the objective has kinks), so a second start, drawn from the covariance of
    the first pass, is polished too, and the better of the two is kept.
    """
    first = _pass(problem, np.repeat(u[None], count, axis=0), groups, seed, size)
    scatter = np.random.default_rng([seed, 1])
    centre = np.median(first.u, axis=0)
    spread = first.u - centre
    usual = np.median(np.abs(spread), axis=0)
    calm = np.where(np.abs(spread) > 8 * usual, 0.0, spread)
    second = centre + scatter.standard_normal((count, len(u))) @ _root(calm).T
    other = _pass(problem, second, groups, seed, size, first.f)
    better = other.f < first.f
    agree = np.abs(other.f - first.f) <= AGREE * np.abs(np.minimum(first.f, other.f))
    return Resamples(
        np.where(better[:, None], other.u, first.u),
        np.minimum(first.f, other.f),
        float(agree.mean()),
    )


def _root(spread: Array) -> Array:
    """Root (P, P) of the covariance of ``spread`` (R, P), whatever the units of its columns."""
    covariance = spread.T @ spread / max(len(spread) - 1, 1)
    size = np.sqrt(np.diag(covariance))
    unit = np.where(size > 0, size, 1.0)
    scaled = covariance / np.outer(unit, unit) + 1e-10 * np.eye(len(unit))
    out: Array = np.linalg.cholesky(scaled) * size[:, None]
    return out


@dataclass(frozen=True)
class _Pass:
    u: Array
    f: Array


def _pass(
    problem: Problem,
    starts: Array,
    groups: NDArray[np.int64],
    seed: int,
    size: int | None,
    known: Array | None = None,
) -> _Pass:
    """All resamples from ``starts`` (R, P); ``known`` (R,) are objectives from other starts."""
    us, fs = [], []
    solve = _solver(problem, len(starts))
    for part, weights in resampled_weights(problem, len(starts), groups, seed, size):
        found = solve(problem, starts[part], weights, None if known is None else known[part])
        us.append(found.u)
        fs.append(found.f)
    return _Pass(np.concatenate(us), np.concatenate(fs))


def _solver(
    problem: Problem, count: int
) -> Callable[[Problem, Array, Array, Array | None], Minima]:
    """The compiled solver where it pays for its import, else numpy's."""
    if count * problem.rows >= COMPILE_FROM:
        from scaling.fit import compiled

        if compiled.serves(problem):
            return _compiled
    return _plain


def _plain(problem: Problem, starts: Array, weights: Array, known: Array | None) -> Minima:
    return minimise(problem, starts, weights)


def _compiled(problem: Problem, starts: Array, weights: Array, known: Array | None) -> Minima:
    from scaling.fit import compiled

    return compiled.minimise(problem, starts, weights, known=known)


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
