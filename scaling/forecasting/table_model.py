"""One predictive model of a table: many forms, weighed by what they forecast of larger runs.

Every form (`scaling.forecasting.forms`, and a Gaussian process) is fitted with constants of each
group and with partly pooled ones. Runs are held out in the direction of larger ones, by each input
and by all together, and inside the cloud; a form's weight is its error there to the power of
-`SHARPNESS`, between the two by distance. What is asked of the model has no part in it.

    location   weighted mean of the forms, each drawn to within `GUARD` spreads of their median,
               plus kriged residuals where these lower the held-out error
    draws      one form with one draw of its constants each, plus an offset and a smooth error that
               grow with distance as the held-out error does

The draws are functions: draw i at two tables is the same function. docs/benchmarks/sldbench.md has
how well this holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.forecasting import forms, gaussian_process
from scaling.forecasting.forms import Fitted, Form, Rows
from scaling.forecasting.gaussian_process import Process
from scaling.forecasting.table_inputs import Reach, Table, TableInputs, read_table

Mask = NDArray[np.bool_]
Groups = NDArray[np.int64]

MOST_RUNS = 600
RECENCY = 0.5
# Shares of the runs that are held out, the largest by each input; of many inputs only the first.
DEPTHS = (0.2, 0.4)
SHARPNESS = 2.5
# Distances, in ranges of the runs: where weights of larger runs hold instead of those inside, and
# where a Gaussian process counts half.
INSIDE, PROCESS_FADE = 0.1, 0.6
GUARD = 2.0
# Kriging of residuals: length in standard deviations, noise over signal, gain that is needed.
KRIGE_LENGTH, KRIGE_NOISE, KRIGE_GAIN = 1.0, 1.0, 0.97
# Spread: weights of single runs' noise, of the draws' own spread, of the held-out error; the latter
# grows as (distance + NEAR) to the power of GROWTH; degrees of freedom.
NOISE_WEIGHT, FORM_WEIGHT, ERROR_WEIGHT = 0.6, 1.0, 0.55
NEAR, GROWTH = 0.3, 1.0
DEGREES = 5.0
FARTHEST = 3.0
BANK = 1000
WAVES = 24
_TINY = 1e-12


@dataclass(frozen=True)
class Candidate:
    """One form with its constants; ``process`` instead of ``form`` for the Gaussian process."""

    name: str
    pooled: bool = False
    form: Form | None = None
    fitted: Fitted | None = None
    process: Process | None = None
    drawn: Groups = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    constants: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))

    def fade(self, ranges: Array) -> Array:
        """How much of its weight is left (T,) at a distance."""
        half = PROCESS_FADE if self.form is None else self.form.fades
        return np.asarray(1.0 / (1.0 + (ranges / half) ** 2))


@dataclass(frozen=True)
class TableModel:
    """The predictive model of a table.

    Attributes:
        inputs: which columns are read, and how.
        candidates: the forms, with their constants.
        weights: of each form inside the cloud and beyond it (2, C).
        held_out: error of the whole model on runs held out inside and beyond, and the median
            distance of the latter in ranges (3,); errors on the scale that is modelled.
        noise: scatter of single runs on that scale.
        scale: how the target is modelled (see `Scale`).
    """

    inputs: TableInputs
    rows: Rows
    candidates: tuple[Candidate, ...]
    weights: Array
    held_out: Array
    noise: float
    kriged: Array | None
    scale: Scale

    def location(self, at: pl.DataFrame) -> Array:
        """The middle of the forecast (T,) at the rows of a table, in units of the target."""
        return self.scale.back(self._one_by_one(self._location, at))

    def draws(self, at: pl.DataFrame, count: int = BANK) -> Array:
        """Functions (count, T) that the target may follow, at the rows of a table.

        Raises:
            ValueError: more than `BANK` draws.
        """
        if not 0 < count <= BANK:
            raise ValueError(f"1 to {BANK} draws, not {count}")
        return self.scale.back(self._one_by_one(self._draws, at)[:count])

    def quantiles(self, at: pl.DataFrame, levels: Array) -> Array:
        """Quantiles (levels, T) of a new run at the rows of a table."""
        from scipy.special import stdtrit

        draws = self._one_by_one(self._draws, at)
        noise = NOISE_WEIGHT * self.noise * stdtrit(DEGREES, _spaced(BANK, 0.5**0.5))
        asked = np.asarray(levels, dtype=np.float64)
        found = np.quantile(
            draws + noise[:, None], 1.0 - asked if self.scale.flips else asked, axis=0
        )
        middle = np.median(draws + noise[:, None], axis=0)
        return self.scale.back(found - middle + np.median(draws, axis=0))

    def reach(self, at: pl.DataFrame) -> Reach:
        """How far the rows of a table lie from the runs, by input."""
        return self.inputs.reach(*self.inputs.points(at))

    def _one_by_one(self, what: Callable[[Array, Groups], Array], at: pl.DataFrame) -> Array:
        """Points are computed one at a time: sums in another order would round in another way, and
        a target is to have the same numbers alone and among others."""
        u, group = self.inputs.points(at)
        return np.concatenate(
            [what(u[t : t + 1], group[t : t + 1]) for t in range(len(u))], axis=-1
        )

    def _each(self, u: Array, group: Groups) -> Array:
        """Every form (C, T)."""
        return np.array([_predict(one, self.rows, u, group) for one in self.candidates])

    def _location(self, u: Array, group: Groups) -> Array:
        ranges = self.inputs.reach(u, group).ranges
        each = self._each(u, group)
        found = _combined(each, self._shares(ranges), self.rows.scale[group])
        return found if self.kriged is None else found + _krige(self.rows, self.kriged, u, group)

    def _shares(self, ranges: Array) -> Array:
        """Weights of the forms (C, T) at a distance."""
        beyond = 1.0 - np.exp(-ranges / INSIDE)
        logs = np.log(np.maximum(self.weights, 1e-300))
        fade = np.array([one.fade(ranges) for one in self.candidates])
        found = np.exp(np.outer(logs[0], 1.0 - beyond) + np.outer(logs[1], beyond)) * fade
        return np.asarray(found / found.sum(axis=0))

    def parts(self, at: pl.DataFrame) -> Array:
        """Noise, spread of the draws of forms and held-out error (T, 3) behind the intervals, on
        the scale that is modelled."""
        u, group = self.inputs.points(at)
        raw = self._raw(u, group)
        return np.column_stack([np.full(len(u), self.noise), _spread(raw), self._error(u, group)])

    def _error(self, u: Array, group: Groups) -> Array:
        """The held-out error (T,) at the distance of points."""
        inside, beyond, typical = self.held_out
        ranges = self.inputs.reach(u, group).ranges
        out = 1.0 - np.exp(-ranges / INSIDE)
        growth = ((ranges + NEAR) / (typical + NEAR)) ** GROWTH
        return np.asarray(np.sqrt((1.0 - out) * inside**2 + out * (beyond * growth) ** 2))

    def _raw(self, u: Array, group: Groups) -> Array:
        """Draws of forms and constants (BANK, T), before offsets.

        Where a form loses its weight with distance, another one takes over.
        """
        fade = [one.fade(self.inputs.reach(u, group).ranges) for one in self.candidates]
        first, second = _choices(self.candidates, self.weights[1])
        found = np.zeros((BANK, len(u)))
        for c, one in enumerate(self.candidates):
            if not len(one.drawn):
                continue
            values = _drawn(one, c, self.rows, u, group)
            left = np.array([fade[c] if first[i] == c else 1.0 - fade[first[i]] for i in one.drawn])
            left[(first == c)[one.drawn] & (second == c)[one.drawn]] = 1.0
            found[one.drawn] += left * values
        return found

    def _draws(self, u: Array, group: Groups) -> Array:
        raw, middle = self._raw(u, group), self._location(u, group)
        off = raw - np.median(raw, axis=0)
        most = FARTHEST * _spread(raw) + _TINY
        off = np.clip(off, -most, most)
        error = _smooth(u / self.rows.sd, group, len(self.rows.h)) * self._error(u, group)
        draws = FORM_WEIGHT * off + ERROR_WEIGHT * error
        return np.asarray(middle + draws - np.median(draws, axis=0))


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


def table_model(runs: pl.DataFrame, inputs: Sequence[str], target: str) -> TableModel:
    """The predictive model of a table of runs.

    Args:
        runs: one row a run, with the inputs and the target.
        inputs: numeric columns, and text columns whose values are groups of runs.
        target: a number of either sign.

    Raises:
        InputError: see `scaling.forecasting.table_inputs.read_table`.
    """
    table = read_table(runs, inputs, target)
    scale = _scale(table)
    rows = _rows(table, scale)
    folds = _folds(rows, table.inputs)
    candidates = _fit_all(rows)
    every, points = rows.weight > 0, _points(rows)
    errors = np.empty((len(folds), len(candidates)))
    together = np.empty((len(folds), 3))
    found = []
    for k, (_, held_out) in enumerate(folds):
        left = rows.without(held_out)
        fitted = _fit_all(left)
        each = np.array([_predict(one, left, *points) for one in fitted])
        wrong = each[:, held_out[every]] - rows.h[held_out]
        errors[k] = np.sqrt((np.clip(wrong, *_limits(wrong)) ** 2).mean(axis=1))
        found.append((left, each))
    noise = _typical_noise(candidates, rows)
    weights = _weights(errors, np.array([kind for kind, _ in folds]), noise)
    for k, (kind, held_out) in enumerate(folds):
        left, each = found[k]
        together[k] = _together(rows, left, each, weights[int(kind)], held_out, table.inputs)
    return _assembled(table.inputs, rows, candidates, weights, folds, together, noise, scale)


def _assembled(
    inputs: TableInputs,
    rows: Rows,
    candidates: tuple[Candidate, ...],
    weights: Array,
    folds: list[tuple[bool, Mask]],
    together: Array,
    noise: float,
    scale: Scale,
) -> TableModel:
    """The model, with residuals kriged where that lowered the held-out error."""
    beyond = np.array([kind for kind, _ in folds])
    logs = np.log(together[:, :2] + 0.1 * noise + _TINY)
    krige = bool(np.exp((logs[:, 1] - logs[:, 0]).mean()) < KRIGE_GAIN)
    error = np.exp(logs[:, int(krige)])
    sizes = [
        float(np.sqrt((error[beyond == kind] ** 2).mean())) if (beyond == kind).any() else noise
        for kind in (False, True)
    ]
    typical = float(np.median(together[beyond, 2])) if beyond.any() else 0.3
    candidates = _with_draws(candidates, weights[1], rows)
    made = TableModel(
        inputs, rows, candidates, weights, np.array([*sizes, max(typical, 0.1)]), noise, None, scale
    )
    if not krige:
        return made
    every, (u, group) = rows.weight > 0, _points(rows)
    residual = np.zeros_like(rows.h)
    residual[every] = rows.h[every] - made._location(u, group)
    return replace(made, kriged=_krige_weights(rows, residual))


def _scale(table: Table) -> Scale:
    """How the target of these runs is modelled."""
    y, u = table.y, table.u
    size = ((u - u.mean(axis=0)) / np.maximum(u.std(axis=0), _TINY))[:, ~table.inputs.shares]
    size = size.sum(axis=1) if size.shape[1] else np.zeros(len(y))
    rises = bool(size.std() > 0 and np.corrcoef(size, y)[0, 1] > 0)
    if y.min() >= 0 and y.max() <= 1 and rises:
        return Scale("one minus", 1.0)
    return Scale("log" if y.min() > 0 else "plain", -1.0 if rises else 1.0)


def _rows(table: Table, scale: Scale) -> Rows:
    """Runs by group, at most `MOST_RUNS`, the larger ones more likely kept."""
    u, group, h = table.u, table.group, scale.forth(table.y)
    sd = np.maximum(u.std(axis=0), 1e-9)
    sizes = ~table.inputs.shares
    size = ((u - u.mean(axis=0)) / sd)[:, sizes].mean(axis=1) if sizes.any() else np.zeros(len(h))
    weight = np.exp(RECENCY * (size - size.max()))
    if len(h) > MOST_RUNS:
        order = np.lexsort([np.arange(len(h)), size])
        total = np.cumsum(weight[order]) / weight.sum()
        steps = np.searchsorted(total, (np.arange(MOST_RUNS) + 0.5) / MOST_RUNS)
        kept = np.sort(order[np.unique(steps)])
        u, group, h, weight = u[kept], group[kept], h[kept], np.ones(len(kept))
    weight = weight / weight.mean()
    groups = len(table.inputs.levels)
    most = int(np.bincount(group, minlength=groups).max())
    shape = (groups, most)
    padded_u, padded_h, padded_w = np.zeros((*shape, u.shape[1])), np.zeros(shape), np.zeros(shape)
    for g in range(groups):
        mine = np.flatnonzero(group == g)
        padded_u[g, : len(mine)], padded_h[g, : len(mine)] = u[mine], h[mine]
        padded_w[g, : len(mine)] = weight[mine]
    nothing = np.zeros(groups)
    raw = Rows(
        padded_u,
        padded_h,
        padded_w,
        table.inputs.logs,
        sd,
        nothing,
        nothing,
        nothing,
        sd,
        scale.kind != "plain",
    )
    return forms.describe(raw)


def _points(rows: Rows) -> tuple[Array, Groups]:
    """Coordinates and groups of the runs, one after another."""
    counts = rows.weight > 0
    return rows.u[counts], np.nonzero(counts)[0]


def _fit_all(rows: Rows) -> tuple[Candidate, ...]:
    """Every form that so many inputs have, alone and partly pooled, and the Gaussian process."""
    found = []
    groups = len(rows.h)
    for form in forms.applicable(len(rows.sd)):
        own = forms.fit(form, rows)
        found.append(Candidate(form.name, False, form, own))
        if groups > 1:
            found.append(Candidate(form.name, True, form, forms.pool(form, rows, own)))
    u, group = _points(rows)
    made = gaussian_process.fit(u / rows.sd, group, rows.h[rows.weight > 0])
    return (*found, Candidate("Gaussian process", process=made))


def _predict(one: Candidate, rows: Rows, u: Array, group: Groups) -> Array:
    """One form (T,) at points."""
    if one.process is not None:
        return one.process.predict(u / rows.sd, group)[0]
    assert one.form is not None and one.fitted is not None
    theta = one.fitted.theta[group]
    return forms.predict(one.form, theta, u[:, None], rows, group)[0][:, 0]


def _folds(rows: Rows, inputs: TableInputs) -> list[tuple[bool, Mask]]:
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
    cycle = _spaced(len(cells), 0.6180339887498949)[place.ravel()]
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


def _limits(wrong: Array) -> tuple[float, float]:
    """Errors beyond which a form is as bad as can be: ten times the typical error."""
    most = 10.0 * float(np.median(np.abs(wrong))) + _TINY
    return -most, most


def _typical_noise(candidates: Sequence[Candidate], rows: Rows) -> float:
    """Scatter of single runs: a low quantile of the forms' noises."""
    scale = float(np.median(rows.scale))
    each = [one.fitted.noise * scale for one in candidates if one.fitted is not None]
    each += [one.process.noise for one in candidates if one.process is not None]
    return float(np.quantile(each, 0.25))


def _weights(errors: Array, beyond: Mask, noise: float) -> Array:
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


def _combined(each: Array, weights: Array, unit: Array) -> Array:
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


def _together(
    rows: Rows, left: Rows, each: Array, weights: Array, held_out: Mask, inputs: TableInputs
) -> Array:
    """Error of the whole model on one fold, without and with kriging, and its distance."""
    every, (u, group) = rows.weight > 0, _points(rows)
    share = np.broadcast_to(weights[:, None], each.shape)
    value = _combined(each, share, rows.scale[group])
    out = held_out[every]
    residual = np.zeros_like(rows.h)
    residual[every] = np.where(out, 0.0, rows.h[every] - value)
    moved = value + _krige(left, _krige_weights(left, residual), u, group)
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


def _krige_weights(rows: Rows, residual: Array) -> Array:
    """Weights (n,) of the runs' residuals (G, n)."""
    points = _points(rows)
    kernel = _krige_kernel(rows, points, points) + KRIGE_NOISE * np.eye(len(points[0]))
    return np.asarray(np.linalg.solve(kernel, residual[rows.weight > 0]))


def _krige(rows: Rows, weights: Array, u: Array, group: Groups) -> Array:
    return np.asarray(_krige_kernel(rows, (u, group), _points(rows)) @ weights)


def _spaced(count: int, step: float) -> Array:
    """Numbers in (0, 1) that fill it evenly, one after another."""
    return np.asarray((0.5 + np.arange(count) * step) % 1.0 * (1 - 2e-9) + 1e-9)


def _chosen(weights: Array, where: Array) -> Groups:
    """Which form each of the numbers in (0, 1) chooses."""
    total = np.cumsum(weights)
    return np.minimum(np.searchsorted(total / total[-1], where), len(weights) - 1)


def _choices(candidates: Sequence[Candidate], weights: Array) -> tuple[Groups, Groups]:
    """The form of each draw (BANK,), and the form that replaces it far out."""
    lasting = np.array([one.form is not None and np.isinf(one.form.fades) for one in candidates])
    first = _chosen(weights, _spaced(BANK, 0.6180339887498949))
    second = _chosen(weights * lasting, _spaced(BANK, 0.7548776662466927))
    return first, np.where(lasting[first], first, second)


def _with_draws(
    candidates: tuple[Candidate, ...], weights: Array, rows: Rows
) -> tuple[Candidate, ...]:
    """The forms with draws of their constants, for the numbers of the bank that chose them."""
    first, second = _choices(candidates, weights)
    found = []
    for c, one in enumerate(candidates):
        which = np.flatnonzero((first == c) | (second == c))
        drawn = replace(one, drawn=which)
        if one.form is not None and one.fitted is not None and len(which):
            rng = np.random.default_rng([c, 5])
            z = rng.standard_normal((BANK, *one.fitted.theta.shape))[which]
            drawn = replace(drawn, constants=forms.draw(one.form, one.fitted, rows, z))
        found.append(drawn)
    return tuple(found)


def _drawn(one: Candidate, number: int, rows: Rows, u: Array, group: Groups) -> Array:
    """The draws (len(one.drawn), T) of one form at points."""
    if one.process is not None:
        mean, sd = one.process.predict(u / rows.sd, group)
        waves = _waves(u / rows.sd, group, len(rows.h), number)
        return np.asarray(mean + sd * waves[one.drawn])
    assert one.form is not None
    count = len(one.drawn)
    found = np.empty((count, len(u)))
    for g in np.unique(group):
        mine = group == g
        points = np.broadcast_to(u[mine], (count, int(mine.sum()), u.shape[1]))
        owner = np.full(count, g)
        found[:, mine] = forms.predict(one.form, one.constants[:, g], points, rows, owner)[0]
    return found


def _spread(draws: Array) -> Array:
    """Robust standard deviation (T,) over the first axis."""
    return np.asarray(1.4826 * np.median(np.abs(draws - np.median(draws, axis=0)), axis=0))


def _waves(v: Array, group: Groups, groups: int, number: int) -> Array:
    """Smooth random functions (BANK, T) of variance 1, half shared by the groups."""
    frequency, phase = _random(number, 1, WAVES, v.shape[1]), _random(number, 2, WAVES, 1)[:, 0]
    # Turns of about a radian a standard deviation and a half of the inputs.
    basis = np.sqrt(2.0 / WAVES) * np.cos(v @ frequency.T / 1.5 + 2.0 * np.pi * phase)
    found = _random(number, 3, BANK, WAVES) @ basis.T
    if groups > 1:
        for g in np.unique(group):
            mine = group == g
            own = _random(number, 4 + int(g), BANK, WAVES) @ basis[mine].T
            found[:, mine] = np.sqrt(0.5) * (found[:, mine] + own)
    return np.asarray(found)


def _smooth(v: Array, group: Groups, groups: int) -> Array:
    """An offset and a smooth error of each draw (BANK, T), with Student's tails."""
    level = _random(1000, 0, BANK, 1)
    if groups > 1:
        own = [_random(1001, int(g), BANK, 1)[:, 0] for g in group]
        level = np.sqrt(0.5) * (level + np.column_stack(own))
    both = np.sqrt(0.5) * (level + _waves(v, group, groups, 1002))
    return np.asarray(_tails()[:, None] * both)


@lru_cache(maxsize=256)
def _random(number: int, part: int, rows: int, columns: int) -> Array:
    """Standard normal numbers that are the same in every model."""
    return np.random.default_rng([number, part]).standard_normal((rows, columns))


@lru_cache(maxsize=1)
def _tails() -> Array:
    """Factors (BANK,) that make normal numbers Student's t."""
    return np.asarray(np.sqrt(DEGREES / np.random.default_rng(11).chisquare(DEGREES, BANK)))
