"""How cost grows with rows, resamples, starts and parameters.

Two paths: "power terms" (closed-form derivatives; resamples by the compiled solver) and "any law"
(the same law with its structure hidden: jets through `predict`, in numpy).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from benchmarks.fit_speed.ours import solver
from benchmarks.fit_speed.points import by_parameters, replicated, simulated, without_terms
from benchmarks.fit_speed.timing import fastest
from scaling import laws
from scaling.fit import bootstrap, engine, search
from scaling.fit.newton import minimise
from scaling.laws import Law

POWER, ANY = "power terms", "any law"
ROWS = (240, 1_000, 4_000, 16_000, 64_000, 250_000, 1_000_000)
RESAMPLES = (10, 30, 100, 300, 1_000, 3_000, 10_000)
STARTS = (6, 12, 24, 48, 96, 192, 384)
# Resamples of each fit on the axis of rows, and on that of parameters.
FEW = {POWER: 40, ANY: 10}
SOME = {POWER: 1_000, ANY: 100}


@dataclass(frozen=True)
class Series:
    """CPU seconds of one job over sizes along one axis."""

    axis: str
    job: str
    path: str
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def slope(self) -> float:
        """Slope of log seconds on log size, by least squares: 1 is linear."""
        return _slope(self.sizes, self.seconds)

    @property
    def late(self) -> float:
        """The same over the upper half of the sizes, where fixed costs no longer count."""
        half = len(self.sizes) // 2
        return _slope(self.sizes[half:], self.seconds[half:])


def _slope(sizes: tuple[int, ...], seconds: tuple[float, ...]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def measure(say: Callable[[str], None]) -> list[Series]:
    """Every axis on both paths."""
    found = []
    for path in (POWER, ANY):
        for one in (*_rows(path), _resamples(path), _starts(path), *_parameters(path)):
            say(f"{one.axis}, {one.job}, {path}: slope {one.slope:.2f}, {one.late:.2f}")
            found.append(one)
    return found


def _of(path: str, law: Law) -> Law:
    return law if path == POWER else without_terms(law)


def _fit_and_resample(table: pl.DataFrame, law: Law, path: str, count: int) -> tuple[float, float]:
    """Seconds of a global fit (search, polish, certificate) and of ``count`` resamples."""
    problem = engine.prepare(table, _of(path, law))
    fitted, (_, u) = fastest(partial(engine.solve, problem))
    groups = np.arange(problem.rows)
    with solver(compiled=path == POWER):
        again, _ = fastest(partial(bootstrap.resample, problem, u, groups, count, 0))
    return fitted, again


def _rows(path: str) -> Iterator[Series]:
    law, count = laws.get("chinchilla"), FEW[path]
    found = [_fit_and_resample(replicated(rows), law, path, count) for rows in ROWS]
    for job, seconds in zip(
        ("global fit", f"{count} resamples"), zip(*found, strict=True), strict=True
    ):
        yield Series("rows", job, path, ROWS, seconds)


def _parameters(path: str) -> Iterator[Series]:
    by, count = by_parameters(), SOME[path]
    found = [_fit_and_resample(simulated(law), law, path, count) for law in by.values()]
    for job, seconds in zip(
        ("global fit", f"{count} resamples"), zip(*found, strict=True), strict=True
    ):
        yield Series("parameters", job, path, tuple(by), seconds)


def _resamples(path: str) -> Iterator[Series]:
    problem = engine.prepare(replicated(240), _of(path, laws.get("chinchilla")))
    _, u = engine.solve(problem)
    groups = np.arange(problem.rows)
    with solver(compiled=path == POWER):
        seconds = [
            fastest(partial(bootstrap.resample, problem, u, groups, count, 0))[0]
            for count in RESAMPLES
        ]
    yield Series("resamples", "resamples of 240 rows", path, RESAMPLES, tuple(seconds))


def _starts(path: str) -> Iterator[Series]:
    problem = engine.prepare(replicated(240), _of(path, laws.get("chinchilla")))
    begin = search.starts(problem, max(STARTS))
    seconds = [fastest(partial(minimise, problem, begin[:count]))[0] for count in STARTS]
    yield Series("starts", "starts polished on 240 rows", path, STARTS, tuple(seconds))
