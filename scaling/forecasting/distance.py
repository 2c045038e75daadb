"""How far points lie outside the runs: by each input on both sides, and off their cloud.

    outside    decades beyond the largest run (+) or below the smallest (-); 0 within
    nearest    decades between the nearest run and the point, once that is moved to the ends of the
               ranges it lies outside of; of the input in which the two differ most

Inputs that are not read as logarithms count in ranges of the runs instead of decades.

The nearest run, not a Mahalanobis distance, because runs lie on grids, on valleys of equal compute
and on rays of equal tokens per param, none of them an ellipse; because five runs give no
covariance; and because anyone can look the nearest run up in the table.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import counted
from scaling.fitting.data import number
from scaling.forecasting.table_inputs import is_text, labels

# Of the benchmark's 691 targets of two inputs (`benchmarks.forecast.tasks`) 99 % lie within 2.1
# decades of the largest run by every input, and within .49 of a run by `nearest`. Curves are
# measured up to 25 times the largest (docs/benchmarks/forecast_distance.md).
FAR, FAR_CURVE = 2.0, 1.4
EMPTY = 0.5
# Share of the runs that lie nearer to another run than what counts as empty.
USUAL = 0.95
# Decades, or ranges, beyond the largest run from which a score is warned of: within a tenth of a
# range the model of any table still weighs its forms as inside the runs.
BEYOND = 0.1
# Values of an input that are too few to show its form.
FEW_VALUES = 3
# Inputs that a line names.
NAMED = 3
# Pairs of points whose distances fit in a few megabytes, and take a hundredth of a second.
MOST_PAIRS = 1_000_000
_SHOWN = 0.005


def decades_outside(value: float, low: float, high: float) -> float:
    """Decades of a value beyond ``high`` (+) or below ``low`` (-); 0 within. All > 0."""
    return float(np.log10(max(value / high, 1.0)) + np.log10(min(value / low, 1.0)))


@dataclass(frozen=True)
class Distance:
    """How far T points lie outside the runs.

    Attributes:
        inputs: the numeric inputs.
        linear: which of them count in ranges of the runs instead of decades (d,).
        values: how many different values each has in the runs (d,).
        outside: (T, d), see the module.
        nearest: (T,), see the module.
        usual: (T,) distance within which 95 % of the runs have another run.
    """

    inputs: tuple[str, ...]
    linear: NDArray[np.bool_]
    values: NDArray[np.int64]
    outside: Array
    nearest: Array
    usual: Array

    @property
    def farthest(self) -> Array:
        """(T,) of the input that lies farthest outside, with its sign."""
        rows = np.arange(len(self.outside))
        return np.asarray(self.outside[rows, np.abs(self.outside).argmax(axis=1)])

    @property
    def far(self) -> NDArray[np.bool_]:
        """Which points (T,) lie farther out than intervals were measured to hold."""
        limit = FAR_CURVE if len(self.inputs) == 1 else FAR
        return np.asarray(np.abs(self.farthest) > limit)

    @property
    def empty(self) -> NDArray[np.bool_]:
        """Which points (T,) lie where no run is near, whatever lies outside."""
        return np.asarray(self.nearest > np.maximum(EMPTY, self.usual))

    def words(self) -> list[list[str]]:
        """Of each point the inputs that lie outside, farthest first, and an empty place."""
        return [self._words(t) for t in range(len(self.outside))]

    def _words(self, t: int) -> list[str]:
        order = np.argsort(-np.abs(self.outside[t]), kind="stable")
        out = [j for j in order if abs(self.outside[t, j]) >= _SHOWN]
        said = [
            f"{self.inputs[j]} {self.outside[t, j]:+.2f}{' ranges' * bool(self.linear[j])}"
            for j in out[:NAMED]
        ]
        said += [f"and {counted(len(out) - NAMED, 'input')} more"] if len(out) > NAMED else []
        said += [f"nearest {self.nearest[t]:.2f}"] if self.empty[t] else []
        return said or ["within"]

    def warnings(self) -> list[str]:
        """Sentences on what lies far out, where no run is near, and on inputs of few values."""
        count = counted(len(self.outside), "planned run")
        said = []
        if self.far.any():
            limit = FAR_CURVE if len(self.inputs) == 1 else FAR
            worst = ", ".join(self._words(int(np.abs(self.farthest).argmax())))
            said.append(
                f"{self.far.sum()} of {count} more than {limit:g} decades outside the runs "
                f"(farthest: {worst}): farther than intervals were measured to hold."
            )
        if self.empty.any():
            worst_gap = f"{self.nearest[self.empty].max():.1f}"
            said.append(
                f"{self.empty.sum()} of {count} where no run is near: the nearest is up to "
                f"{worst_gap} decades away, not counting what lies outside the ranges."
            )
        leaves = (np.abs(self.outside) > 0).any(axis=0) & (self.values <= FEW_VALUES)
        said += [
            f"{name} has {counted(int(n), 'value')} in the runs: too few to tell how it goes on."
            for name, n, out in zip(self.inputs, self.values, leaves, strict=True)
            if out
        ]
        return [f"Warning: {one}" for one in said]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Of each point: ``outside`` by input, ``nearest_run``, ``far`` and ``empty``."""
        return [
            {
                "outside": dict(zip(self.inputs, row.tolist(), strict=True)),
                "nearest_run": float(self.nearest[t]),
                "far": bool(self.far[t]),
                "empty": bool(self.empty[t]),
            }
            for t, row in enumerate(self.outside)
        ]


def score_warning(far: Distance) -> list[str]:
    """A warning of planned runs beyond the largest, for a target that rises as a score does.

    On nine benchmarks whose known runs end before the score turns, 90 % intervals held 59 %
    (easy_question in docs/benchmarks/sldbench.md).
    """
    count = int((far.outside > BEYOND).any(axis=1).sum())
    if not count:
        return []
    return [
        f"Warning: {count} of {counted(len(far.outside), 'planned run')} beyond the largest runs, "
        "and the target rises with the inputs, as a score does. A score may take off, level off "
        "or fall where no run shows it, and intervals take the trend of the runs to go on: where "
        "known runs ended before such a turn, 90 % intervals held 59 %."
    ]


def distance(
    runs: pl.DataFrame, at: pl.DataFrame, inputs: Sequence[str], linear: Collection[str] = ()
) -> Distance:
    """How far the rows of ``at`` lie outside the runs; of text inputs, outside the runs of the same
    group.

    Args:
        inputs: columns of both tables, numbers or groups that have runs.
        linear: inputs that are not read as logarithms; values of 0 or less never are.
    """
    text = [name for name in inputs if is_text(runs, name)]
    names = tuple(name for name in inputs if name not in text)
    raw, points = (np.column_stack([number(one, name) for name in names]) for one in (runs, at))
    whole = np.isfinite(raw).all(axis=1)
    ranged = np.array([name in linear for name in names])
    ranged |= np.minimum(raw[whole].min(axis=0), points.min(axis=0)) <= 0
    unit = np.where(ranged, np.maximum(np.ptp(raw[whole], axis=0), 1e-300), 1.0)
    known, where = (
        np.where(ranged, one / unit, np.log10(np.where(ranged, 1.0, one)))
        for one in (raw[whole], points)
    )
    groups = [labels(runs.filter(pl.Series(whole)), text), labels(at, text)]
    found = np.zeros((2, len(where)))
    outside = np.zeros_like(where)
    for label in set(groups[1]):
        there = np.array([one == label for one in groups[1]])
        mine = known[[one == label for one in groups[0]]]
        outside[there], found[0, there], found[1, there] = _from_runs(mine, where[there])
    values = np.array([len(np.unique(column)) for column in known.T])
    return Distance(names, ranged, values, outside, found[0], found[1])


def _from_runs(known: Array, where: Array) -> tuple[Array, Array, float]:
    """`Distance.outside` and `.nearest` of points (T, d), and the usual distance between runs."""
    low, high = known.min(axis=0), known.max(axis=0)
    cells = np.unique(known, axis=0)
    moved = np.clip(where, low, high)
    nearest = _nearest(cells, moved, 1)
    if len(cells) < 2:
        return where - moved, nearest, 0.0
    between = np.sort(_nearest(cells, cells, 2))
    return where - moved, nearest, float(between[int(USUAL * (len(cells) - 1))])


def _nearest(cells: Array, points: Array, number: int) -> Array:
    """Largest difference by any input (T,) from each point (T, d) to the ``number``-th nearest of
    the cells (C, d). A tree takes long to import and pays for many pairs only."""
    if len(cells) * len(points) > MOST_PAIRS:
        from scipy.spatial import KDTree

        return np.asarray(KDTree(cells).query(points, k=[number], p=np.inf)[0])[:, 0]
    apart = np.zeros((len(points), len(cells)))
    for cell, point in zip(cells.T, points.T, strict=True):
        np.maximum(apart, np.abs(point[:, None] - cell), out=apart)
    return np.asarray(np.partition(apart, number - 1, axis=1)[:, number - 1])
