"""This engine on the 240 points, warm, and a fresh process for memory and first calls."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.fit_speed.points import OPTIMUM
from benchmarks.fit_speed.timing import Timing, timed
from scaling.fitting import engine
from scaling.fitting.uncertainty import bootstrap

Array = NDArray[np.float64]
MANY, MOST = 4_000, 4_500


@dataclass(frozen=True)
class Ours:
    """Times, what was reached, and the resamples themselves for the reference to repeat."""

    fit: Timing
    first: float
    resamples: Mapping[int, Timing]
    numpy: Timing
    off: float
    starts_agreeing: float
    resamples_agreeing: float
    weights: Array
    objectives: Array

    @property
    def seconds(self) -> float:
        """Global fit and 4,500 robust resamples."""
        return self.fit.median + self.resamples[MOST].median


@dataclass(frozen=True)
class Fresh:
    """Of fresh processes: peak memory after each step (MB), CPU seconds in all, and to compile."""

    peak: Mapping[str, float]
    seconds: float
    compiling: float


def solver(*, compiled: bool) -> AbstractContextManager[Any]:
    """Resamples by the compiled solver whatever their number, or never."""
    return mock.patch.object(bootstrap, "COMPILE_FROM", 0 if compiled else 10**15)


def measure(points: pl.DataFrame, repeats: int = 11) -> Ours:
    """Time the fit and its resamples, each resample from two starts."""
    fit = timed(partial(engine.fit, points, "chinchilla"), repeats)
    problem = engine.prepare(points, "chinchilla")
    made, u = engine.solve(problem)
    rows = np.arange(problem.rows)
    again = partial(bootstrap.resample, problem, u, rows)
    first = timed(partial(again, MANY, 0), 1)
    resamples = {count: timed(partial(again, count, 0), repeats) for count in (MANY, MOST)}
    with solver(compiled=False):
        plain = timed(partial(again, MANY, 0), 1)
    robust = again(MOST, 0)
    blocks = [block for _, block in bootstrap.resampled_weights(problem, MOST, rows, 0)]
    return Ours(
        fit=fit,
        first=first.best,
        resamples=resamples,
        numpy=plain,
        off=made.objective / OPTIMUM - 1,
        starts_agreeing=made.certificate.starts_agreeing,
        resamples_agreeing=robust.agreeing,
        weights=np.concatenate(blocks),
        objectives=robust.f,
    )


def fresh() -> Fresh:
    """Run `benchmarks.fit_speed.memory`, and the compiler with an empty cache."""
    # What set-up does: a process that compiles holds the compiler's memory too.
    subprocess.run([sys.executable, "-m", "scaling.fitting.solver.compiled"], check=True)
    command = [sys.executable, "-m", "benchmarks.fit_speed.memory"]
    made = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    with tempfile.TemporaryDirectory() as empty:
        before = _children()
        command = [sys.executable, "-m", "scaling.fitting.solver.compiled"]
        subprocess.run(command, check=True, env={**os.environ, "NUMBA_CACHE_DIR": empty})
        compiling = _children() - before
    return Fresh(made["peak"], made["seconds"], compiling)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
