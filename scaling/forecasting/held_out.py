"""Runs held out in the direction of larger ones, and what the error there says of each form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.forecasting.candidates import Candidate, points_of, spaced
from scaling.forecasting.forms import Groups, Rows
from scaling.forecasting.table_inputs import TableInputs

Mask = NDArray[np.bool_]

# Shares of the runs that are held out, the largest by each input; of many inputs only the first.
DEPTHS = (0.2, 0.4)
# A form's weight is its error to the power of minus this.
SHARPNESS = 2.5
GUARD = 2.0
# Kriging of residuals: length in standard deviations, noise over signal.
KRIGE_LENGTH, KRIGE_NOISE = 1.0, 1.0
_TINY = 1e-12


def folds_of(rows: Rows, inputs: TableInputs) -> list[tuple[bool, Mask]]:
    """Runs held out: (whether beyond the rest, which rows (G, n)) each."""
    counts = rows.weight > 0
    v = rows.u / rows.sd
    sizes = np.flatnonzero(~inputs.shares)
    found: list[tuple[bool, Mask]] = []
    for j in sizes:
        for share in DEPTHS if len(sizes) <= 2 else DEPTHS[:1]:
            found.append((True, _top(v[..., j], counts, share)))
    if len(sizes) > 1:
        found.append((True, _top(v[..., sizes].mean(axis=-1), counts, 0.25)))
    if inputs.shares.any():
        apart = v[..., inputs.shares] - v[counts][:, inputs.shares].mean(axis=0)
        found.append((True, _top((apart**2).sum(axis=-1), counts, 0.25)))
    cells, place = np.unique(np.round(v[counts], 9), axis=0, return_inverse=True)
    cycle = spaced(len(cells), 0.6180339887498949)[place.ravel()]
    for k in range(3 if not len(sizes) else 1):
        held_out = np.zeros_like(counts)
        held_out[counts] = (cycle >= 0.25 * k) & (cycle < 0.25 * (k + 1))
        found.append((False, held_out))
    least = max(4, len(rows.sd) + 1)
    return [
        (kind, held) for kind, held in found if held.sum() >= 2 and (counts & ~held).sum() >= least
    ]


def _top(value: Array, counts: Mask, share: float) -> Mask:
    """The rows of each group with the largest values: at least one level, never all but one."""
    held_out = np.zeros_like(counts)
    for g, kept in enumerate(counts):
        levels = np.unique(np.round(value[g][kept], 9))
        if len(levels) < 3:
            continue
        if len(levels) <= 8:
            edge = levels[-max(round(share * len(levels)), 1)]
        else:
            edge = max(np.quantile(value[g][kept], 1.0 - share), levels[1])
        held_out[g] = kept & (value[g] >= edge - 1e-9)
    return held_out


def form_errors(rows: Rows, each: Array, held_out: Mask) -> Array:
    """Root mean square error (C,) of the forms' values (C, n) on the runs held out; an error
    counts as at most ten typical ones."""
    wrong = each[:, held_out[rows.weight > 0]] - rows.h[held_out]
    most = 10.0 * float(np.median(np.abs(wrong))) + _TINY
    return np.asarray(np.sqrt((np.clip(wrong, -most, most) ** 2).mean(axis=1)))


def typical_noise(candidates: Sequence[Candidate], rows: Rows) -> float:
    """Scatter of single runs: a low quantile of the forms' noises."""
    scale = float(np.median(rows.scale))
    each = [one.fitted.noise * scale for one in candidates if one.fitted is not None]
    each += [one.process.noise for one in candidates if one.process is not None]
    return float(np.quantile(each, 0.25))


def form_weights(errors: Array, beyond: Mask, noise: float) -> Array:
    """Weights of the forms inside and beyond the runs (2, C), from errors (K, C)."""
    if not len(errors):
        return np.full((2, errors.shape[1]), 1.0 / errors.shape[1])
    logs = 0.5 * np.log(errors**2 + (0.5 * noise) ** 2 + _TINY)
    found = []
    for kind in (False, True):
        mine = logs[beyond == kind] if (beyond == kind).any() else logs
        score = -SHARPNESS * mine.mean(axis=0)
        found.append(np.exp(score - score.max()))
    return np.array([one / one.sum() for one in found])


def combined(each: Array, weights: Array, unit: Array) -> Array:
    """The weighted mean (T,) of forms (C, T), each drawn towards their weighted median."""
    middle = _weighted_quantile(each, weights)
    spread = _weighted_quantile(np.abs(each - middle), weights) + 0.01 * unit
    pulled = middle + np.clip(each - middle, -GUARD * spread, GUARD * spread)
    return np.asarray((weights * pulled).sum(axis=0))


def _weighted_quantile(each: Array, weights: Array) -> Array:
    """The weighted median (T,) over the first axis."""
    order = np.argsort(each, axis=0, kind="stable")
    total = np.cumsum(np.take_along_axis(weights, order, axis=0), axis=0)
    place = (total >= 0.5 * total[-1]).argmax(axis=0)
    return np.asarray(np.take_along_axis(each, order, axis=0)[place, np.arange(each.shape[1])])


def fold_error(rows: Rows, left: Rows, each: Array, weights: Array, held_out: Mask) -> Array:
    """Error of the whole model on one fold, without and with kriging, and its distance."""
    every, (u, group) = rows.weight > 0, points_of(rows)
    share = np.broadcast_to(weights[:, None], each.shape)
    value = combined(each, share, rows.scale[group])
    out = held_out[every]
    residual = np.zeros_like(rows.h)
    residual[every] = np.where(out, 0.0, rows.h[every] - value)
    moved = value + krige(left, krige_weights(left, residual), u, group)
    errors = [np.sqrt(((one - rows.h[every])[out] ** 2).mean()) for one in (value, moved)]
    kept = u[~out]
    low, high = kept.min(axis=0), kept.max(axis=0)
    beyond = np.maximum(u[out] - high, 0.0) + np.maximum(low - u[out], 0.0)
    ranges = np.sqrt((beyond / np.maximum(high - low, 1e-9)) ** 2 @ np.ones(len(low)))
    return np.array([*errors, float(np.median(ranges))])


def _krige_kernel(rows: Rows, one: tuple[Array, Groups], other: tuple[Array, Groups]) -> Array:
    apart = ((one[0] / rows.sd)[:, None] - (other[0] / rows.sd)[None]) ** 2
    same = np.where(one[1][:, None] == other[1][None], 1.0, 0.5)
    return np.asarray(np.exp(-0.5 * apart.sum(axis=-1) / KRIGE_LENGTH**2) * same)


def krige_weights(rows: Rows, residual: Array) -> Array:
    """Weights (n,) of the runs' residuals (G, n)."""
    points = points_of(rows)
    kernel = _krige_kernel(rows, points, points) + KRIGE_NOISE * np.eye(len(points[0]))
    return np.asarray(np.linalg.solve(kernel, residual[rows.weight > 0]))


def krige(rows: Rows, weights: Array, u: Array, group: Groups) -> Array:
    return np.asarray(_krige_kernel(rows, (u, group), points_of(rows)) @ weights)
