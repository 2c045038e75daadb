"""The scale on which the target of a table is modelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.table_inputs import Table

_TINY = 1e-12


@dataclass(frozen=True)
class Scale:
    """How a target is modelled: its logarithm, that of its distance from 1, or as it is; turned
    round where it rises with the inputs, so that it falls towards a floor.

    Attributes:
        kind: "log", "one minus" or "plain".
        sign: -1 where it is turned round.
    """

    kind: str
    sign: float

    @property
    def flips(self) -> bool:
        """Whether what is modelled falls where the target rises."""
        return (self.sign < 0) != (self.kind == "one minus")

    def forth(self, y: Array) -> Array:
        """From the target to what is modelled."""
        if self.kind == "plain":
            return np.asarray(self.sign * y)
        distance = 1.0 - y if self.kind == "one minus" else y
        if distance.min() <= 0:
            distance = np.where(distance > 0, distance, 0.5 * distance[distance > 0].min())
        return np.asarray(self.sign * np.log(distance))

    def back(self, h: Array) -> Array:
        """From what is modelled to the target."""
        if self.kind == "plain":
            return np.asarray(self.sign * h)
        distance = np.exp(self.sign * h)
        return np.asarray(np.maximum(1.0 - distance, 0.0) if self.kind == "one minus" else distance)


def scale_of(table: Table) -> Scale:
    """How the target of these runs is modelled."""
    y, u = table.y, table.u
    size = ((u - u.mean(axis=0)) / np.maximum(u.std(axis=0), _TINY))[:, ~table.inputs.shares]
    size = size.sum(axis=1) if size.shape[1] else np.zeros(len(y))
    rises = bool(size.std() > 0 and np.corrcoef(size, y)[0, 1] > 0)
    if y.min() >= 0 and y.max() <= 1 and rises:
        return Scale("one minus", 1.0)
    return Scale("log" if y.min() > 0 else "plain", -1.0 if rises else 1.0)
