"""Scores of quantile forecasts of log y.

Quantiles z_1 < ... < z_L of log y at levels p_1 < ... < p_L say, between and beyond them, what the
curve says that is straight from point to point where p is drawn as a normal deviate; beyond the
ends the last piece goes on. A normal forecast is such a curve exactly.

    error   z(.5) - log y: positive where the forecast was too high
    crps    2 mean_k pinball(p_k), p_k = (k - 1/2) / 200 (Gneiting and Raftery 2007,
            doi:10.1198/016214506000001437; by quantile losses as in Berrisch and Ziel 2023,
            doi:10.1016/j.jeconom.2021.11.008)
    wis     (|log y - z(.5)| / 2 + sum_k a_k / 2 interval_k) / (K + 1/2) over the K central
            intervals that were published, interval_k = width + 2/a_k distance outside
            (Bracher et al. 2021, doi:10.1371/journal.pcbi.1008618)
    pit     probability that the forecast gave to less than the outcome

A forecast of one level is a point: its crps is |error|, and it has no wis and no pit.
"""

from __future__ import annotations

import numpy as np

from scaling.arrays import Array

GRID: Array = (np.arange(200) + 0.5) / 200
INTERVALS = (0.5, 0.8, 0.9, 0.95)
_SAME = 1e-9


def score(levels: Array, values: Array, observed: Array) -> dict[str, Array]:
    """Scores (n,) of forecasts ``values`` (n, L) at ``levels`` (L,), and outcomes (n,), all > 0.

    ``in50`` ... ``in95`` are 1 where the interval held, NaN where it was not published.
    """
    truth, z = np.log(observed), np.log(values)
    middle = quantile_at(levels, z, np.array([0.5]))[:, 0]
    absent = np.full(len(truth), np.nan)
    held = {f"in{100 * share:g}": _held(levels, z, truth, share) for share in INTERVALS}
    if len(levels) == 1:
        return {
            "error": middle - truth,
            "crps": np.abs(middle - truth),
            "wis": absent,
            "pit": absent,
        } | held
    return {
        "error": middle - truth,
        "crps": crps(levels, z, truth),
        "wis": weighted_interval(levels, z, truth),
        "pit": rank(levels, z, truth),
    } | held


def crps(levels: Array, z: Array, truth: Array) -> Array:
    """The continuous ranked probability score (n,), by 200 quantiles."""
    return pinball(quantile_at(levels, z, GRID), GRID, truth)


def pinball(z: Array, levels: Array, truth: Array) -> Array:
    """Twice the mean quantile loss (n,) of quantiles (n, L)."""
    above = truth[:, None] - z
    return np.asarray(2.0 * np.maximum(levels * above, (levels - 1.0) * above).mean(axis=1))


def weighted_interval(levels: Array, z: Array, truth: Array) -> Array:
    """The weighted interval score (n,) over the central intervals that ``levels`` make."""
    total = 0.5 * np.abs(truth - quantile_at(levels, z, np.array([0.5]))[:, 0])
    pairs = central(levels)
    for low, high in pairs:
        alpha = 2.0 * levels[low]
        outside = np.maximum(z[:, low] - truth, 0.0) + np.maximum(truth - z[:, high], 0.0)
        total = total + alpha / 2.0 * (z[:, high] - z[:, low]) + outside
    return np.asarray(total / (len(pairs) + 0.5))


def central(levels: Array) -> list[tuple[int, int]]:
    """Places of the two ends of each central interval."""
    return [
        (low, int(np.argmin(np.abs(levels - (1.0 - level)))))
        for low, level in enumerate(levels)
        if level < 0.5 - _SAME and np.abs(levels - (1.0 - level)).min() < _SAME
    ]


def quantile_at(levels: Array, z: Array, at: Array) -> Array:
    """The curve's values (n, K) at the levels ``at`` (K,)."""
    from scipy.special import ndtri

    if len(levels) == 1:
        return np.repeat(z, len(at), axis=1)
    x, u = ndtri(levels), ndtri(at)
    piece = np.clip(np.searchsorted(x, u) - 1, 0, len(x) - 2)
    share = (u - x[piece]) / (x[piece + 1] - x[piece])
    values_at = z[:, piece] * (1.0 - share) + z[:, piece + 1] * share
    exact = np.abs(levels[:, None] - at[None, :]) < _SAME
    for place, column in zip(*np.nonzero(exact), strict=True):
        values_at[:, column] = z[:, place]
    return np.asarray(values_at)


def rank(levels: Array, z: Array, truth: Array) -> Array:
    """Where the outcome lies in the forecast (n,): the probability integral transform.

    Several equal quantiles that equal the outcome give the middle of their levels.
    """
    from scipy.special import ndtr, ndtri

    x, count = ndtri(levels), len(levels)
    below, upto = (z < truth[:, None]).sum(axis=1), (z <= truth[:, None]).sum(axis=1)
    piece = np.clip(below - 1, 0, count - 2)
    rows = np.arange(len(truth))
    left, right = z[rows, piece], z[rows, piece + 1]
    width = np.where(right > left, right - left, np.inf)
    probability = ndtr(x[piece] + (truth - left) / width * (x[piece + 1] - x[piece]))
    flat = upto > below
    middle = 0.5 * (levels[np.minimum(below, count - 1)] + levels[np.maximum(upto - 1, 0)])
    return np.asarray(np.where(flat, middle, probability))


def _held(levels: Array, z: Array, truth: Array, share: float) -> Array:
    ends = [
        (low, high) for low, high in central(levels) if abs(1 - 2 * levels[low] - share) < _SAME
    ]
    if not ends:
        return np.full(len(truth), np.nan)
    low, high = ends[0]
    return np.asarray(((z[:, low] <= truth) & (truth <= z[:, high])).astype(np.float64))
