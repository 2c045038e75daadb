"""Curves whose truth is known: a floor, one slope, noise, and few points.

    y(x) = E + A x^-c,   c in (.02, .5), E / y(x_max) in (.2, .95), log noise in (.002, .02),
    8 to 40 points over one to three decades

each drawn evenly (noise: its log). A new point with noise of its own is forecast at 2, 4 and 10
times the data.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from benchmarks.forecast.tasks import Task

CURVES = 300
FACTORS = (2.0, 4.0, 10.0)
SEED = 20261124


def curves() -> Iterator[tuple[float, Task]]:
    """(factor, task) of curves that have a floor."""
    random = np.random.default_rng(SEED)
    for number in range(CURVES):
        points, decades = random.integers(8, 41), random.uniform(1.0, 3.0)
        slope, floor = random.uniform(0.02, 0.5), random.uniform(0.2, 0.95)
        noise = np.exp(random.uniform(np.log(0.002), np.log(0.02)))
        x = np.geomspace(10.0**-decades, 1.0, points)
        y = (floor + (1.0 - floor) * x**-slope) * np.exp(noise * random.standard_normal(points))
        runs = pl.DataFrame({"x": x, "value": y})
        for factor in FACTORS:
            new = (floor + (1.0 - floor) * factor**-slope) * np.exp(
                noise * random.standard_normal()
            )
            at = pl.DataFrame({"x": [factor], "value": [new]})
            yield factor, Task("simulated", str(number), runs, at, ("x",))
