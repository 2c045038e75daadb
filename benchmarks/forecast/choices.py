"""The constants of the centre of a curve's forecast, chosen with each group of curves left out.

Four sets of tasks choose: the curves' own splits, the beginnings of the same curves (known up to a
half and to a quarter of what is known in their own split, nothing beyond it is used), and simulated
curves. For every choice on a grid a group's error in a set is the mean over its curves of the root
mean square log error; the choice with the least

    mean over sets of the mean over the other groups of log(error + .002)

forecasts the group itself, in its own split. The .002 keeps groups of nearly exact curves from
deciding alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.forecast import simulated
from benchmarks.forecast.tasks import beginnings
from scaling.forecasting.curves import Constants, Fitted, combine, fit_shapes

GRID = tuple(
    Constants(
        tempering,
        12,
        penalty,
        odds,
        damping,
        errors,
        slow_slope=slow,
        network_share=share,
    )
    for tempering, penalty, odds, damping, errors, slow, share in itertools.product(
        (0.5, 1.0),
        (2.0, 4.0),
        (2.0, 8.0),
        (0.96, 1.0),
        (6.0, 11.0),
        (0.04, 0.08, 0.12),
        (0.0, 0.25, 0.5, 0.75),
    )
)
NEARLY_EXACT = 0.002
OWN = "own split"


@dataclass(frozen=True)
class LeftOut:
    """What the other groups choose for one group, and the error that it then has."""

    choice: Constants
    rmsle: float


@dataclass(frozen=True)
class Found:
    """The error of every choice (len(GRID),) on one curve of a group, in one of the sets."""

    set: str
    group: str
    errors: np.ndarray


def errors(fitted: Fitted, truth: np.ndarray) -> np.ndarray:
    """Root mean square log error of every choice (len(GRID),) on one curve."""
    made = [combine(fitted, choice).location - truth for choice in GRID]
    return np.sqrt(np.mean(np.square(made), axis=1))


def others() -> list[Found]:
    """The sets beside the own splits."""
    named = [*(("half", t) for t in beginnings(2.0)), *(("quarter", t) for t in beginnings(4.0))]
    named += [("simulated", task) for _, task in simulated.curves()]
    made = []
    for name, task in named:
        x, y, at, truth = (task.runs["x"], task.runs["value"], task.at["x"], task.truth)
        fitted = fit_shapes(x.to_numpy(), y.to_numpy(), at.to_numpy())
        made.append(Found(name, task.group, errors(fitted, truth)))
    return made


def left_out(found: Sequence[Found]) -> Mapping[str, LeftOut]:
    """For each group, the choice of the others, and its error in its own split."""
    cells: dict[str, dict[str, list[np.ndarray]]] = {}
    for one in found:
        cells.setdefault(one.set, {}).setdefault(one.group, []).append(one.errors)
    means = {
        name: {group: np.mean(rows, axis=0) for group, rows in by.items()}
        for name, by in cells.items()
    }
    made = {}
    for group, own in means[OWN].items():
        score = np.zeros(len(GRID))
        for by in means.values():
            logs = [np.log(error + NEARLY_EXACT) for name, error in by.items() if name != group]
            score += np.mean(logs, axis=0)
        best = int(np.argmin(score))
        made[group] = LeftOut(GRID[best], float(own[best]))
    return made
