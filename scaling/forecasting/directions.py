"""Which runs to hold out for a question: the larger ones, or those nearest to planned runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError, counted
from scaling.forecasting.candidates import Mask, points_of
from scaling.forecasting.forms import Groups, Rows
from scaling.forecasting.held_out import _top, folds_of
from scaling.forecasting.table_inputs import TableInputs

# Shares of the runs that may be held out; of these, so many whose distance is nearest to the asked.
SHARES, TAKEN = (0.1, 0.2, 0.3, 0.4, 0.5), 3
# Planned runs farther than so many times the runs held out are beyond what a ranking can say.
FAR_TIMES = 2.0


@dataclass(frozen=True)
class Direction:
    """Sets of runs to hold out.

    Attributes:
        folds: which rows (G, n) each holds out.
        text: the direction in words.
        distance: median distance of the runs held out from the others, in ranges of these.
        asked: median distance of the planned runs, in ranges of the runs; NaN without any.
    """

    folds: tuple[Mask, ...]
    text: str
    distance: float
    asked: float = float("nan")

    @property
    def warning(self) -> str:
        """What to mind where planned runs lie farther than any run held out; else empty."""
        if not self.asked > FAR_TIMES * max(self.distance, 0.01):
            return ""
        return (
            f"The planned runs lie {self.asked:.2g} ranges of the runs beyond them, the runs held "
            f"out {self.distance:.2g}: which formula holds that far out was not tested."
        )


def larger_runs(rows: Rows, inputs: TableInputs) -> Direction:
    """The largest runs by each input and by all together; where nothing is a size, the farthest.

    Raises:
        InputError: too few runs to hold any out.
    """
    every = folds_of(rows, inputs)
    folds = tuple(held_out for beyond, held_out in every if beyond)
    return Direction(_enough(folds), "larger runs", _distance(rows, inputs, folds))


def towards(rows: Rows, inputs: TableInputs, u: Array, group: Groups) -> Direction:
    """The runs that have gone farthest towards planned ones, at coordinates ``u`` (T, d).

    A run's way is its part of the line from the middle of the runs to a planned run, the largest
    over planned runs. Planned runs within the runs ask for an even choice of runs.

    Raises:
        InputError: too few runs to hold any out.
    """
    distances = inputs.reach(u, group).ranges
    asked = float(np.median(distances))
    planned = counted(len(u), "planned run")
    if asked == 0.0:
        every = [held_out for beyond, held_out in folds_of(rows, inputs) if not beyond]
        return Direction(_enough(tuple(every)), f"within the runs, as {planned}", 0.0, asked)
    way = _way(rows, u[distances > 0])
    counts = rows.weight > 0
    least = max(4, len(rows.sd) + 1)
    folds = {share: _top(way, counts, share) for share in SHARES}
    sizes = {share: int(one.sum()) for share, one in folds.items()}
    usable = [s for s in SHARES if sizes[s] >= 2 and counts.sum() - sizes[s] >= least]
    far = {share: _distance(rows, inputs, (folds[share],)) for share in usable}
    nearest = sorted(usable, key=lambda s: (abs(np.log((far[s] + 1e-3) / asked)), s))[:TAKEN]
    chosen = tuple(folds[share] for share in nearest)
    text = f"the runs nearest to {planned}"
    return Direction(_enough(chosen), text, _distance(rows, inputs, chosen), asked)


def _way(rows: Rows, u: Array) -> Array:
    """How far (G, n) each run has gone to the planned runs: 0 in the middle, 1 there."""
    v, middle = rows.u / rows.sd, (rows.u[rows.weight > 0] / rows.sd).mean(axis=0)
    lines = u / rows.sd - middle
    return np.asarray(
        ((v - middle) @ (lines / (lines**2).sum(axis=1, keepdims=True)).T).max(axis=-1)
    )


def _distance(rows: Rows, inputs: TableInputs, folds: tuple[Mask, ...]) -> float:
    """The median distance of the runs held out from those that are left, in their ranges."""
    u, group = points_of(rows)
    found = []
    for held_out in folds:
        out = held_out[rows.weight > 0]
        found.append(_inputs_of(inputs, u[~out], group[~out]).reach(u[out], group[out]).ranges)
    return float(np.median(np.concatenate(found))) if found else 0.0


def _inputs_of(inputs: TableInputs, u: Array, group: NDArray[np.int64]) -> TableInputs:
    """The inputs as the runs at ``u`` would have them; a group without runs keeps its ends."""
    low, high = inputs.low.copy(), inputs.high.copy()
    for g in np.unique(group):
        low[g], high[g] = u[group == g].min(axis=0), u[group == g].max(axis=0)
    span = np.maximum(high.max(axis=0) - low.min(axis=0), 1e-12)
    j, k = np.triu_indices(u.shape[1], 1)
    v = u / span
    sides = np.concatenate([v[:, j] - v[:, k], v[:, j] + v[:, k]], axis=1)
    return replace(
        inputs, low=low, high=high, pairs=np.stack([sides.min(axis=0), sides.max(axis=0)])
    )


def _enough(folds: tuple[Mask, ...]) -> tuple[Mask, ...]:
    if not folds:
        raise InputError(
            "too few runs to hold any out",
            allowed="three or more values of an input, and more runs than inputs besides",
        )
    return folds
