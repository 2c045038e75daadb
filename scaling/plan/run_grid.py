"""Runs by params and tokens, and how near they are to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array


@dataclass(frozen=True)
class Cells:
    """Runs by params and tokens, (M,)."""

    params: Array
    tokens: Array

    @property
    def flops(self) -> Array:
        """6ND."""
        return 6.0 * self.params * self.tokens

    def __len__(self) -> int:
        return len(self.params)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Cells:
        """Some of them, in that order."""
        at = np.asarray(rows, dtype=np.int64)
        return Cells(self.params[at], self.tokens[at])

    @property
    def x(self) -> Mapping[str, Array]:
        """Inputs of a law."""
        return {"params": self.params, "tokens": self.tokens}


def nearness(cells: Cells) -> Array:
    """exp(-r^2 / 2) (M, M), r the distance in decades of params and tokens."""
    place = np.log10(np.stack([cells.params, cells.tokens], axis=1))
    apart = ((place[:, None] - place[None]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-0.5 * apart))
