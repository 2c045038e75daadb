"""The predictive model of a study: made once of its runs, read by forecasts, plans and reports.

Two positive inputs have the coupled law under many assumptions (`scaling.forecasting.two_inputs`),
unless it fails on the study's own larger runs and the model of any table
(`scaling.forecasting.table_model`) does not. All other tables have the latter.

A model answers at any point: where the middle lies, numbered functions that a new run may follow
(draw i at two tables is the same function), and quantiles, which are those of the draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import log_size, positive
from scaling.forecasting import two_inputs
from scaling.forecasting.distribution import Predictive, quantiles_of
from scaling.forecasting.inputs import check_targets, is_general, observed_scale
from scaling.forecasting.two_inputs import CoupledModel, coupled_model

# Shares of the runs that are held out, the largest by each input, and by both.
DEPTHS, BOTH = (0.2, 0.4), 0.25
FEWEST_LEFT = 6
# The coupled law is in doubt where it explains less than a quarter of the variance among the
# larger runs; it is given up where the model of any table errs less than .7 as much on such runs.
# Of the 37 tables that chose this, 3 gave it up, all rightly (decision 031).
IN_DOUBT, GIVEN_UP = 0.25, 0.7


class StudyModel(Protocol):
    """What every model of a study has; tables have the input columns."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The input columns."""
        ...

    @property
    def linear(self) -> tuple[str, ...]:
        """The inputs that are not read as logarithms."""
        ...

    @property
    def rises(self) -> bool:
        """Whether the target rises with size."""
        ...

    def location(self, at: pl.DataFrame) -> Array:
        """The middle of the forecast (T,), in units of the target."""
        ...

    def draws(self, at: pl.DataFrame) -> Array:
        """Functions (draws, T) that the target of a new run may follow."""
        ...

    def quantiles(self, at: pl.DataFrame, levels: Array) -> Array:
        """Quantiles (levels, T) of the draws."""
        ...

    def predictive(self, at: pl.DataFrame) -> Predictive:
        """The forecast as Student's t, for scores."""
        ...


@dataclass(frozen=True)
class TwoInputModel:
    """The coupled law of two columns; of 1 - y where the target rises."""

    columns: tuple[str, str]
    law: CoupledModel
    rises: bool = False
    linear: tuple[str, ...] = ()

    def location(self, at: pl.DataFrame) -> Array:
        """The middle of the forecast (T,), in units of the target."""
        return self._back(self.law.location(self._points(at)))

    def draws(self, at: pl.DataFrame) -> Array:
        """Functions (draws, T) that the target of a new run may follow."""
        return self._back(self.law.draws(self._points(at)))

    def quantiles(self, at: pl.DataFrame, levels: Array) -> Array:
        """Quantiles (levels, T) of the draws; of a level of one half, the location."""
        return quantiles_of(self.draws(at), self.location(at), levels)

    def predictive(self, at: pl.DataFrame) -> Predictive:
        """The forecast as Student's t, for scores."""
        x, law = self._points(at), self.law
        return Predictive(
            law.location(x), law.scale(x), two_inputs.DEGREES, self.rises, law.disagreement(x)
        )

    def _points(self, at: pl.DataFrame) -> Array:
        points = check_targets(at, self.columns)
        return np.log(np.column_stack([points[name] for name in self.columns]))

    def _back(self, log_y: Array) -> Array:
        y = np.exp(log_y)
        return np.asarray(np.maximum(1.0 - y, 0.0) if self.rises else y)


def study_model(
    runs: pl.DataFrame, inputs: Sequence[str], target: str, weights: str | None = None
) -> StudyModel:
    """The model of a study's runs.

    Args:
        runs: one row a run, with the inputs and the target.
        inputs: columns; with two positive ones the coupled law is tried.
        target: a number of either sign.
        weights: column of the share by which each run counts, of a whole one; only the coupled law
            takes such.

    Raises:
        InputError: a bad cell, too few runs, or weights that the model does not take.
    """
    from scaling.forecasting.table_model import table_model

    share = None if weights is None else positive(runs, weights)
    if len(inputs) != 2 or is_general(runs, inputs, target):
        _refuse_weights(weights, inputs)
        return table_model(runs, inputs, target)
    x = np.column_stack([positive(runs, name) for name in inputs])
    size = log_size({name: x[:, i] for i, name in enumerate(inputs)})
    y, increasing = observed_scale(runs, target, size)
    y = 1.0 - y if increasing else y
    law = coupled_model(x, y, share=share)
    first, second = inputs
    whole = np.ones(len(y), dtype=bool) if share is None else share >= 1.0
    held_out, explained = _held_out(x[whole], y[whole])
    if explained < IN_DOUBT:
        table = table_model(runs, inputs, target)
        if table.scale.kind != "plain" and table.held_out[1] < GIVEN_UP * held_out:
            _refuse_weights(weights, inputs)
            return table
    return TwoInputModel((first, second), law, increasing)


def _refuse_weights(weights: str | None, inputs: Sequence[str]) -> None:
    if weights is not None:
        raise InputError(
            "the model of these runs takes no runs under way",
            value=", ".join(inputs),
            allowed="two positive inputs, such as params and tokens, that the coupled law explains",
        )


def _held_out(x: Array, y: Array) -> tuple[float, float]:
    """The coupled law's typical error, in logs, on larger runs forecast from the others, and the
    median share of the variance among them that it explains.

    One assumption stands for all of them. Without enough runs the law is not in doubt.
    """
    log_y, found = np.log(y), []
    for out in _larger(np.log(x)):
        law = coupled_model(x[~out], y[~out], two_inputs.POWERS[1:2], two_inputs.PRIORS[:1])
        error = ((law.location(np.log(x[out])) - log_y[out]) ** 2).mean()
        variance = log_y[out].var()
        found.append((np.sqrt(error), 1.0 - error / max(variance, 1e-12)))
    if not found:
        return 0.0, 1.0
    errors, explained = np.array(found).T
    return float(np.exp(np.log(np.maximum(errors, 1e-12)).mean())), float(np.median(explained))


def _larger(log_x: Array) -> Iterator[NDArray[np.bool_]]:
    """Masks of the largest runs by each input and by both, where enough others are left."""
    v = (log_x - log_x.mean(axis=0)) / np.maximum(log_x.std(axis=0), 1e-12)
    cuts = [(v[:, j], share) for j in (0, 1) for share in DEPTHS] + [(v.mean(axis=1), BOTH)]
    for value, share in cuts:
        levels = np.unique(np.round(value, 9))
        if len(levels) < 3:
            continue
        edge = (
            levels[-max(round(share * len(levels)), 1)]
            if len(levels) <= 8
            else max(np.quantile(value, 1.0 - share), levels[1])
        )
        out = value >= edge - 1e-9
        if out.sum() >= 2 and (~out).sum() >= FEWEST_LEFT:
            yield out
