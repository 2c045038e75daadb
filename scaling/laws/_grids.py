"""Boxes and sequences from which laws draw starting points that fit the data's scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scaling.arrays import Array


def kronecker(count: int, dimensions: int) -> Array:
    """(count, dimensions) points in the unit cube; irrational steps fill it evenly."""
    root = 2.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    points: Array = (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0
    return points


def fill(ranges: Mapping[str, tuple[float, float]], names: tuple[str, ...], count: int) -> Array:
    """(count, names) parameters that fill the ranges: in logs where both ends are positive and
    a factor 20 or more apart, and 1 where a name has no range."""
    theta = np.ones((count, len(names)))
    part = kronecker(count, len(ranges))
    for j, (name, (low, high)) in enumerate(ranges.items()):
        logs = low > 0 and high / low >= 20
        theta[:, names.index(name)] = (
            low * (high / low) ** part[:, j] if logs else low + (high - low) * part[:, j]
        )
    return theta
