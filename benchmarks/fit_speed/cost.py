"""How cost grows with rows, resamples, starts and parameters.

Two paths: "power terms" (closed-form derivatives; resamples by the compiled solver, whatever their
number) and "any law" (the same law with its structure hidden: jets through `predict`, in numpy).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from benchmarks.fit_speed.ours import solver
from benchmarks.fit_speed.points import by_parameters, replicated, simulated, without_terms
from benchmarks.fit_speed.timing import fastest
from scaling import laws
from scaling.fitting import engine
from scaling.fitting.solver import search
from scaling.fitting.solver.newton import minimise
from scaling.fitting.uncertainty import bootstrap
from scaling.laws import Law

POWER, ANY = "power terms", "any law"
ROWS = (240, 1_000, 4_000, 16_000, 64_000, 250_000, 1_000_000)
RESAMPLES = (10, 30, 100, 300, 1_000, 3_000, 10_000)
STARTS = (6, 12, 24, 48, 96, 192, 384)
# Resamples of each fit on the axis of rows, and on that of parameters.
FEW = {POWER: 40, ANY: 10}
SOME = {POWER: 1_000, ANY: 100}
# What a global fit's cost is made of, and its unit.
PARTS = {
    "search alone": "s",
    "polishing 24 starts": "s",
    "objective, gradient and both Hessians at 24 starts": "s",
    "steps of a start": "steps",
}
# Simulated tables of each number of parameters: some are easier than others.
STUDIES = 5


@dataclass(frozen=True)
class Series:
    """CPU seconds of one job over sizes along one axis, or a count where ``unit`` says so."""

    axis: str
    job: str
    path: str
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    unit: str = "s"

    @property
    def slope(self) -> float:
        """Slope of log seconds on log size, by least squares: 1 is linear."""
        return _slope(self.sizes, self.seconds)

    @property
    def error(self) -> float:
        """Standard error of the slope, from how far the points lie off the line."""
        x, y = np.log(self.sizes), np.log(self.seconds)
        off = y - np.polyval(np.polyfit(x, y, 1), x)
        return float(np.sqrt(off @ off / (len(x) - 2) / ((x - x.mean()) ** 2).sum()))

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
        with solver(compiled=path == POWER):
            for axis in (_rows, _resamples, _starts, _parameters):
                for one in axis(path):
                    say(f"{path}, {one.axis}, {one.job}: slope {one.slope:.2f}")
                    found.append(one)
    return found


def _of(path: str, law: Law) -> Law:
    return law if path == POWER else without_terms(law)


def _fit_and_resample(
    tables: Sequence[pl.DataFrame], law: Law, path: str, count: int
) -> tuple[float, float]:
    """Seconds of a global fit (search, polish, certificate) and of ``count`` resamples: means."""
    found = []
    for table in tables:
        problem = engine.prepare(table, _of(path, law))
        fitted, (_, u) = fastest(partial(engine.solve, problem))
        again = partial(bootstrap.resample, problem, u, np.arange(problem.rows), count, 0)
        found.append((fitted, fastest(again)[0]))
    fits, resamples = np.mean(found, axis=0)
    return float(fits), float(resamples)


def _two(
    axis: str, path: str, sizes: tuple[int, ...], count: int, found: list[tuple[float, float]]
) -> Iterator[Series]:
    fits, resamples = zip(*found, strict=True)
    yield Series(axis, "global fit", path, sizes, fits)
    yield Series(axis, f"{count:,} resamples", path, sizes, resamples)


def _rows(path: str) -> Iterator[Series]:
    law, count = laws.get("chinchilla"), FEW[path]
    found = [_fit_and_resample([replicated(rows)], law, path, count) for rows in ROWS]
    return _two("rows", path, ROWS, count, found)


def _parameters(path: str) -> Iterator[Series]:
    by, count = by_parameters(), SOME[path]
    tables = {law.name: [simulated(law, seed) for seed in range(STUDIES)] for law in by.values()}
    found = [_fit_and_resample(tables[law.name], law, path, count) for law in by.values()]
    yield from _two("parameters", path, tuple(by), count, found)
    parts = zip(*(_parts(tables[law.name], _of(path, law)) for law in by.values()), strict=True)
    for (job, unit), seconds in zip(PARTS.items(), parts, strict=True):
        yield Series("parameters", job, path, tuple(by), seconds, unit)


def _parts(tables: Sequence[pl.DataFrame], law: Law) -> tuple[float, ...]:
    """Means of `PARTS`."""
    found = []
    for table in tables:
        problem = engine.prepare(table, law)
        searched, begin = fastest(partial(search.starts, problem))
        polished, made = fastest(partial(minimise, problem, begin))
        once = fastest(partial(problem.evaluate, begin))[0]
        found.append((searched, polished, once, float(made.steps.mean())))
    return tuple(np.mean(found, axis=0).tolist())


def _resamples(path: str) -> Iterator[Series]:
    problem = engine.prepare(replicated(240), _of(path, laws.get("chinchilla")))
    _, u = engine.solve(problem)
    again = partial(bootstrap.resample, problem, u, np.arange(problem.rows))
    seconds = tuple(fastest(partial(again, count, 0))[0] for count in RESAMPLES)
    yield Series("resamples", "all resamples", path, RESAMPLES, seconds)


def _starts(path: str) -> Iterator[Series]:
    """Starts in random order: the best of the search need fewer steps than the rest."""
    problem = engine.prepare(replicated(240), _of(path, laws.get("chinchilla")))
    begin = np.random.default_rng(0).permutation(search.starts(problem, max(STARTS)))
    seconds = tuple(fastest(partial(minimise, problem, begin[:count]))[0] for count in STARTS)
    yield Series("starts", "polishing all starts", path, STARTS, seconds)
