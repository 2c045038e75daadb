"""The constants of the centre of a curve's forecast, chosen with each group of curves left out.

For every choice on a grid a group's error is the mean over its curves of the root mean square log
error; the choice with the least geometric mean over the other groups foretells the group itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scaling.forecast.curves import Choices, Fitted, combine

GRID = tuple(
    Choices(*values)
    for values in itertools.product(
        (0.25, 0.5, 1.0),
        (8, 16),
        (0.25, 0.5, 1.0),
        (0.9, 0.95, 1.0),
        (0.0, 7.0, 14.0, 20.0),
        (0.03, 0.04, 0.05, 0.07, 0.1),
    )
)


@dataclass(frozen=True)
class LeftOut:
    """What the other groups choose for one group, and the error that it then has."""

    choice: Choices
    rmsle: float


def errors(fitted: Fitted, truth: np.ndarray) -> np.ndarray:
    """Root mean square log error of every choice (len(GRID),) on one curve."""
    made = [combine(fitted, choice).centre - truth for choice in GRID]
    return np.sqrt(np.mean(np.square(made), axis=1))


def left_out(groups: Sequence[str], found: Sequence[np.ndarray]) -> Mapping[str, LeftOut]:
    """For each group, the choice of the others; ``found`` holds `errors` curve by curve."""
    names = list(dict.fromkeys(groups))
    of = np.array(groups)
    means = np.array([np.mean(np.array(found)[of == name], axis=0) for name in names])
    logs = np.log(means)
    made = {}
    for row, name in enumerate(names):
        best = int(np.argmin(logs.sum(axis=0) - logs[row]))
        made[name] = LeftOut(GRID[best], float(means[row, best]))
    return made
