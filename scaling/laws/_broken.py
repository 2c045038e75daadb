"""Broken power laws with any number of breaks; the files beside make a law for one and for two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Param, Predict

Starts = Callable[[Mapping[str, Array], Array], Array]

# Points of the search by number of breaks; sizes are projected out of it.
POINTS = {1: 600, 2: 1500}


def predictor(breaks: int) -> Predict:
    """`predict` of the law with that many breaks; in logs, so that no power overflows."""

    def predict(p: Any, x: Any) -> Array:
        logs = np.log(x.x)
        power = -p.c0 * logs
        for i in range(1, breaks + 1):
            d, f, c = (getattr(p, f"{letter}{i}") for letter in "dfc")
            power = power - c * f * np.logaddexp(0.0, (logs - np.log(d)) / f)
        value: Array = p.a + p.b * np.exp(power)
        return value

    return predict


def parameters(breaks: int) -> tuple[Param, ...]:
    """a, b, c0, then c, d, f of each break."""
    found = [
        Param("a", "unit of y", "floor", start=(1e-3, 3.0)),
        Param("b", "unit of y", "size of the power term at x = 1", start=(1e-2, 1e3)),
        Param("c0", "1", "exponent before the first break", "real", start=(-0.1, 0.5)),
    ]
    for i in range(1, breaks + 1):
        low, high = (1e8, 1e11) if breaks == 1 else ((1e7, 1e9) if i == 1 else (1e10, 1e12))
        found += [
            Param(f"c{i}", "1", f"change of the exponent at break {i}", "real", start=(-0.4, 0.8)),
            Param(f"d{i}", "unit of x", f"where break {i} is", start=(low, high)),
            Param(f"f{i}", "1", f"width of break {i} in log x", start=(0.1, 2.0)),
        ]
    return tuple(found)


def starts_of(breaks: int) -> Starts:
    """Breaks anywhere from a little before the data to a little after, in order."""
    names = tuple(param.name for param in parameters(breaks))

    def starts(x: Mapping[str, Array], y: Array) -> Array:
        low, high = float(x["x"].min()) / 2.0, float(x["x"].max()) * 4.0
        ends = {"c0": (-0.3, 0.8)}
        for i in range(1, breaks + 1):
            ends[f"d{i}"], ends[f"f{i}"] = (low, high * 1.01), (0.02, 2.0)
            ends[f"c{i}"] = (-1.0, 3.0)
        theta = fill(ends, names, POINTS.get(breaks, 1500))
        places = [names.index(f"d{i}") for i in range(1, breaks + 1)]
        theta[:, places] = np.sort(theta[:, places], axis=1)
        return theta

    return starts
