"""Choices of a sweep that are as good as the best: what Step Law regresses on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError

# Loss within this part of the best of its cell: the authors' filter.
NEAR = 0.0025


def near_best(x: Mapping[str, Array], y: Array, w: Array) -> Array:
    """Rows (as a mask) whose loss is within .25 % of the best with the same params and tokens."""
    present = w > 0
    cells = np.unique(np.stack([x["params"], x["tokens"]], axis=1), axis=0, return_inverse=True)[1]
    best = np.full(cells.max() + 1, np.inf)
    np.minimum.at(best, cells[present], y[present])
    return np.asarray(present & (y < (1.0 + NEAR) * best[cells]))


def regress(target: Array, columns: list[Array], w: Array) -> Array:
    """Weighted least squares of log target on logs of the columns: (level, exponents)."""
    table = np.stack([np.ones_like(target), *(np.log(one) for one in columns)], axis=1)
    root = np.sqrt(w)
    answer, _, rank, _ = np.linalg.lstsq(table * root[:, None], np.log(target) * root, rcond=None)
    if rank < table.shape[1]:
        raise InputError(
            "too few cells to tell exponents apart", value=int(rank), allowed=table.shape[1]
        )
    answer[0] = np.exp(answer[0])
    return np.asarray(answer)


def sweep(rng: np.random.Generator, setting: str, best: Callable[[float], float]) -> pl.DataFrame:
    """A simulated sweep over one setting at five compute-optimal sizes, 20 tokens a param, with
    bowls of loss about the best value at that compute."""
    rows = []
    for n in np.geomspace(1e8, 3e9, 5):
        d = 20.0 * n
        for off in np.linspace(-2.0, 2.0, 33):
            noise = 1.0 + 2e-4 * rng.standard_normal()
            loss = (1.8 + 400 * n**-0.34 + 400 * d**-0.3) * (1.0 + 0.01 * off**2) * noise
            rows.append((n, d, best(6.0 * n * d) * np.exp(off), loss))
    return pl.DataFrame(rows, schema=["params", "tokens", setting, "loss"], orient="row")
