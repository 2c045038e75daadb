"""One predictive model of a table: many forms, weighed by what they forecast of larger runs.

Every form (`scaling.forecasting.candidates`) is fitted with constants of each
group and with partly pooled ones. Runs are held out in the direction of larger ones, by each input
and by all together, and inside the cloud; a form's weight is its error there to the power of
-2.5, between the two by distance. What is asked of the model has no part in it.

    location   weighted mean of the forms, each drawn to within two spreads of their median,
               plus kriged residuals where these lower the held-out error
    draws      one form with one draw of its constants each, plus an offset and a smooth error that
               grow with distance as the held-out error does

The draws are functions: draw i at two tables is the same function. docs/benchmarks/sldbench.md has
how well this holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.special import stdtr, stdtrit

from scaling.arrays import Array
from scaling.forecasting.candidates import (
    BANK,
    DEGREES,
    Candidate,
    Mask,
    choices,
    drawn_values,
    fit_all,
    points_of,
    predict,
    rows_of,
    smooth_error,
    spaced,
    with_draws,
)
from scaling.forecasting.distribution import Predictive, quantiles_of
from scaling.forecasting.forms import Groups, Rows
from scaling.forecasting.held_out import (
    combined,
    fold_error,
    folds_of,
    form_errors,
    form_weights,
    krige,
    krige_weights,
    typical_noise,
)
from scaling.forecasting.table_inputs import Reach, TableInputs, read_table
from scaling.forecasting.target_scale import Scale, scale_of

# Distance, in ranges of the runs, from which weights of larger runs hold instead of those inside.
INSIDE = 0.1
# Gain in held-out error from which residuals are kriged.
KRIGE_GAIN = 0.97
# Spread: weights of single runs' noise, of the draws' own spread, of the held-out error; the latter
# grows as (distance + NEAR) to the power of GROWTH. A draw lies within FARTHEST spreads.
NOISE_WEIGHT, FORM_WEIGHT, ERROR_WEIGHT = 0.6, 1.0, 0.55
NEAR, GROWTH = 0.3, 1.0
FARTHEST = 3.0
_TINY = 1e-12


@dataclass(frozen=True)
class TableModel:
    """The predictive model of a table.

    Attributes:
        inputs: which columns are read, and how.
        rows: the runs, at most 600 of them, on the scale that is modelled.
        candidates: the forms, with their constants.
        weights: of each form inside the cloud and beyond it (2, C).
        held_out: error of the whole model on runs held out inside and beyond, and the median
            distance of the latter in ranges (3,); errors on the scale that is modelled.
        noise: scatter of single runs on that scale.
        kriged: weights of the runs' residuals (n,), None where kriging did not help.
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

    @property
    def columns(self) -> tuple[str, ...]:
        """The input columns."""
        return (*self.inputs.numeric, *self.inputs.text)

    @property
    def linear(self) -> tuple[str, ...]:
        """The inputs that are not read as logarithms."""
        return self.inputs.linear

    @property
    def rises(self) -> bool:
        """Whether the target rises with size."""
        return self.scale.flips

    def location(self, at: pl.DataFrame) -> Array:
        """The middle of the forecast (T,) at the rows of a table, in units of the target."""
        return self.scale.back(self._one_by_one(self._location, at))

    def draws(self, at: pl.DataFrame) -> Array:
        """Functions (BANK, T) that the target of a new run may follow, at the rows of a table."""
        noise = NOISE_WEIGHT * self.noise * stdtrit(DEGREES, spaced(BANK, 0.5**0.5))
        draws = self._one_by_one(self._draws, at)
        noisy = draws + noise[:, None]
        return self.scale.back(noisy - np.median(noisy, axis=0) + np.median(draws, axis=0))

    def quantiles(self, at: pl.DataFrame, levels: Array) -> Array:
        """Quantiles (levels, T) of the draws; the median is the location."""
        return quantiles_of(self.draws(at), self.location(at), levels)

    def predictive(self, at: pl.DataFrame) -> Predictive:
        """The forecast as Student's t of log y, for scores; the target must be positive."""
        increasing = self.scale.kind == "one minus"
        y, location = self.draws(at), self.location(at)
        ends = np.quantile(1.0 - y if increasing else y, stdtr(DEGREES, [-1.0, 1.0]), axis=0)
        low, high = np.log(np.maximum(ends, _TINY))
        middle = np.log(np.maximum(1.0 - location if increasing else location, _TINY))
        return Predictive(middle, 0.5 * (high - low) + _TINY, DEGREES, increasing)

    def reach(self, at: pl.DataFrame) -> Reach:
        """How far the rows of a table lie from the runs, by input."""
        return self.inputs.reach(*self.inputs.points(at))

    def with_kriging(self) -> TableModel:
        """The same with the runs' residuals kriged."""
        counts = self.rows.weight > 0
        residual = np.zeros_like(self.rows.h)
        residual[counts] = self.rows.h[counts] - self._location(*points_of(self.rows))
        return replace(self, kriged=krige_weights(self.rows, residual))

    def _one_by_one(self, what: Callable[[Array, Groups], Array], at: pl.DataFrame) -> Array:
        """Points are computed one at a time: sums in another order would round in another way, and
        a target is to have the same numbers alone and among others."""
        u, group = self.inputs.points(at)
        return np.concatenate(
            [what(u[t : t + 1], group[t : t + 1]) for t in range(len(u))], axis=-1
        )

    def _each(self, u: Array, group: Groups) -> Array:
        """Every form (C, T)."""
        return np.array([predict(one, self.rows, u, group) for one in self.candidates])

    def _location(self, u: Array, group: Groups) -> Array:
        ranges = self.inputs.reach(u, group).ranges
        each = self._each(u, group)
        found = combined(each, self._shares(ranges), self.rows.scale[group])
        return found if self.kriged is None else found + krige(self.rows, self.kriged, u, group)

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
        first, second = choices(self.candidates, self.weights[1])
        found = np.zeros((BANK, len(u)))
        for c, one in enumerate(self.candidates):
            if not len(one.drawn):
                continue
            values = drawn_values(one, c, self.rows, u, group)
            left = np.array([fade[c] if first[i] == c else 1.0 - fade[first[i]] for i in one.drawn])
            left[(first == c)[one.drawn] & (second == c)[one.drawn]] = 1.0
            found[one.drawn] += left * values
        return found

    def _draws(self, u: Array, group: Groups) -> Array:
        raw, middle = self._raw(u, group), self._location(u, group)
        off = raw - np.median(raw, axis=0)
        most = FARTHEST * _spread(raw) + _TINY
        off = np.clip(off, -most, most)
        error = smooth_error(u / self.rows.sd, group, len(self.rows.h)) * self._error(u, group)
        draws = FORM_WEIGHT * off + ERROR_WEIGHT * error
        return np.asarray(middle + draws - np.median(draws, axis=0))


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
    scale = scale_of(table)
    rows = rows_of(table, scale)
    folds = folds_of(rows, table.inputs)
    beyond = np.array([kind for kind, _ in folds], dtype=bool)
    candidates = fit_all(rows)
    refits = [_refit(rows, held_out) for _, held_out in folds]
    errors = [
        form_errors(rows, each, fold[1]) for (_, each), fold in zip(refits, folds, strict=True)
    ]
    noise = typical_noise(candidates, rows)
    weights = form_weights(np.reshape(errors, (-1, len(candidates))), beyond, noise)
    together = [
        fold_error(rows, left, each, weights[int(kind)], held_out)
        for (left, each), (kind, held_out) in zip(refits, folds, strict=True)
    ]
    gained, held_out = _summary(np.reshape(together, (-1, 3)), beyond, noise)
    candidates = with_draws(candidates, weights[1], rows)
    model = TableModel(table.inputs, rows, candidates, weights, held_out, noise, None, scale)
    return model.with_kriging() if gained else model


def _refit(rows: Rows, held_out: Mask) -> tuple[Rows, Array]:
    """The runs that are left, and what each form fitted to them says of all runs (C, n)."""
    left = rows.without(held_out)
    u, group = points_of(rows)
    return left, np.array([predict(one, left, u, group) for one in fit_all(left)])


def _summary(together: Array, beyond: Mask, noise: float) -> tuple[bool, Array]:
    """Whether kriging helps, and the model's error inside and beyond the runs with the typical
    distance of the latter, from both errors and the distance of each fold (K, 3)."""
    if not len(together):
        return False, np.array([noise, noise, 0.3])
    logs = np.log(together[:, :2] + 0.1 * noise + _TINY)
    gained = bool(np.exp((logs[:, 1] - logs[:, 0]).mean()) < KRIGE_GAIN)
    error = np.exp(logs[:, int(gained)])
    sizes = [
        float(np.sqrt((error[beyond == kind] ** 2).mean())) if (beyond == kind).any() else noise
        for kind in (False, True)
    ]
    typical = float(np.median(together[beyond, 2])) if beyond.any() else 0.3
    return gained, np.array([*sizes, max(typical, 0.1)])


def _spread(draws: Array) -> Array:
    """Robust standard deviation (T,) over the first axis."""
    return np.asarray(1.4826 * np.median(np.abs(draws - np.median(draws, axis=0)), axis=0))
