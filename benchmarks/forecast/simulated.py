"""Curves whose truth is known: a floor, one slope, noise, and few points.

    y(x) = E + A x^-c,   c in (.02, .5), E / y(x_max) in (.2, .95), log noise in (.002, .02),
    8 to 40 points over one to three decades

each drawn evenly (noise: its log). A new point with noise of its own is forecast at 2, 4 and 10
times the data. `other_shapes` are curves that neither the shapes of a forecast nor the curves on
which the network was trained contain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.forecast.tasks import Task

CURVES = 300
FACTORS = (2.0, 4.0, 10.0)
SEED = 20261124
Array = NDArray[np.float64]


def curves(seed: int = SEED) -> Iterator[tuple[float, Task]]:
    """(factor, task) of curves that have a floor."""
    random = np.random.default_rng(seed)
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


def other_shapes(seed: int, each: int) -> Iterator[Task]:
    """So many curves of each of five shapes, as in the module: points, decades and noise as there,
    but noise of Student's t with 3 degrees of freedom, and all three targets in one task."""
    random = np.random.default_rng(seed)
    for shape in (_two_powers, _power_of_log, _arctangent, _wandering, _annealed):
        for number in range(each):
            points, decades = random.integers(8, 41), random.uniform(1.0, 3.0)
            noise = np.exp(random.uniform(np.log(0.002), np.log(0.02)))
            x = np.concatenate([np.geomspace(10.0**-decades, 1.0, points), FACTORS])
            level = shape(random)(np.log(x))
            table = pl.DataFrame(
                {"x": x, "value": level * np.exp(noise * random.standard_t(3.0, len(x)))}
            )
            name = f"{shape.__name__.strip('_').replace('_', ' ')} {number}"
            yield Task("other shapes", name, table[:points], table[points:], ("x",))


Curve = Callable[[Array], Array]


def _two_powers(random: Generator) -> Curve:
    """A floor and two power laws, a steep and a slow one, added."""
    floor, steep = random.uniform(0.0, 0.8), random.uniform(0.05, 0.95)
    fast, slow = random.uniform(0.3, 1.0), random.uniform(0.02, 0.3)
    return lambda t: (
        floor + (1.0 - floor) * (steep * np.exp(-fast * t) + (1.0 - steep) * np.exp(-slow * t))
    )


def _power_of_log(random: Generator) -> Curve:
    """A power of log x: slower than any power of x."""
    start, power = random.uniform(8.0, 16.0), random.uniform(0.5, 4.0)
    return lambda t: (1.0 + t / start) ** -power


def _arctangent(random: Generator) -> Curve:
    """From one level to another about a place between the first point and twice the last."""
    floor, place = random.uniform(0.05, 0.8), random.uniform(-3.0, np.log(2.0))
    width = random.uniform(0.5, 3.0)
    return lambda t: floor + (1.0 - floor) * (0.5 - np.arctan((t - place) / width) / np.pi)


def _wandering(random: Generator) -> Curve:
    """A slope whose logarithm is a random walk in log x."""
    grid = np.linspace(-7.0, 2.5, 400)
    step = grid[1] - grid[0]
    logs = np.log(random.uniform(0.02, 0.5)) + np.cumsum(
        random.uniform(0.1, 0.5) * np.sqrt(step) * random.standard_normal(len(grid))
    )
    level = -np.cumsum(np.exp(logs)) * step
    return lambda t: np.exp(np.interp(t, grid, level - np.interp(0.0, grid, level)))


def _annealed(random: Generator) -> Curve:
    """A loss whose learning rate falls along a cosine until 10 to 20 times the data."""
    floor, slope = random.uniform(0.2, 0.9), random.uniform(0.1, 0.6)
    gain, end = random.uniform(0.02, 0.15), random.uniform(10.0, 20.0)
    return lambda t: (
        (floor + (1.0 - floor) * np.exp(-slope * t))
        * (1.0 - gain * 0.5 * (1.0 - np.cos(np.pi * np.exp(t) / end)))
    )
