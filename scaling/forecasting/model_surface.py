"""A study's model of params and tokens as a loss surface, and as a fit: what plans compute with.

The surface holds the location and every draw on a grid in ln N and ln D, and reads between its
points by cubic splines (mostly to 1e-4 of the loss). So an optimum, a valley or a crossing is
found draw by draw at the cost of a table.

`model_fit` wraps the model as a `Fit` whose one parameter is the number of a draw (0 is the
location). Whatever reads a fit's draws then reads the model's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.result import Fit, Outcome
from scaling.fitting.study_record import NO_CERTIFICATE
from scaling.forecasting.study_model import StudyModel
from scaling.laws._law import Law, Param
from scaling.laws._surface import SearchedSurface

MODEL = "model"
# The grid: natural logs of 1e4 and 1e16 params, of 1e5 and 1e19 tokens.
PARAMS = np.linspace(np.log(1e4), np.log(1e16), 49)
TOKENS = np.linspace(np.log(1e5), np.log(1e19), 57)
# Draws that plans use: every fourth, which keeps mirrored pairs together.
EVERY = 4


class ModelSurface(SearchedSurface):
    """Location and draws as surfaces (B,); ``rows`` are numbers of draws, 0 the location."""

    smallest, largest_n, largest_d = float(PARAMS[0]), float(PARAMS[-1]), float(TOKENS[-1])

    def __init__(self, model: StudyModel, coefficients: Array, rows: Array) -> None:
        self.model, self.coefficients, self.rows = model, coefficients, rows.astype(np.int64)
        self._kept = -(-self.rows // EVERY)
        ends = np.full(len(rows), self.largest_n), np.full(len(rows), self.largest_d)
        self.e = self.loss(*ends)

    def loss(self, log_n: Array, log_d: Array) -> Array:
        """Loss (B,) at sizes (B,), held to the grid's ends."""
        i, wi = _spline(log_n, PARAMS)
        j, wj = _spline(log_d, TOKENS)
        wide = self.coefficients.shape[2]
        first = (self._kept * self.coefficients.shape[1] + i) * wide + j
        near = self.coefficients.take(first + _NEIGHBOURS[0] * wide + _NEIGHBOURS[1])
        terms = wi[:, None] * wj * near
        # One after the other, so that a point has the same digits alone and among others.
        found = np.add.accumulate(terms.reshape(16, -1))[-1]
        return np.exp(np.where(np.isnan(log_n + log_d), np.nan, found))

    def log_params(self, log_c: Array | float) -> Array:
        """ln N* at ln C of 6ND; of the location as `compute_optimal` finds it."""
        found = super().log_params(log_c)
        total = np.broadcast_to(np.asarray(log_c, float), found.shape)
        for row in np.flatnonzero((self.rows == 0) & np.isfinite(found)):
            found[row] = np.log(compute_optimal(self.model, float(np.exp(total[row])))[0])
        return found

    def at(self, keep: Any) -> ModelSurface:
        """Some of the batch."""
        return ModelSurface(self.model, self.coefficients, np.atleast_1d(self.rows[keep]))


# Of each of the 16 coefficients about a point (4, 4, 1): rows and columns from the first.
_NEIGHBOURS = np.arange(4)[:, None, None], np.arange(4)[None, :, None]


def _spline(at: Array, grid: Array) -> tuple[Array, Array]:
    """First of four coefficients, and their weights (4, B), of a cubic B-spline."""
    place = np.minimum(np.maximum((at - grid[0]) / (grid[1] - grid[0]), 0.0), len(grid) - 1.0)
    place = np.where(np.isnan(place), 0.0, place)
    first = np.minimum(place.astype(np.int64), len(grid) - 2)
    t = place - first
    left = 1.0 - t
    ends = np.stack([left, t])
    cubes, squares = ends**3, ends**2
    outer, inner = cubes / 6.0, (3.0 * cubes - 6.0 * squares + 4.0) / 6.0
    return first, np.stack([outer[0], inner[1], inner[0], outer[1]])


def _coefficients(model: StudyModel) -> Array:
    """B-spline coefficients of log loss on the grid, mirrored at its edges: of the location, then
    of the draws that plans use (1 + draws / EVERY, ., .)."""
    from scipy.ndimage import spline_filter1d

    n, d = np.meshgrid(np.exp(PARAMS), np.exp(TOKENS), indexing="ij")
    at = pl.DataFrame({"params": n.ravel(), "tokens": d.ravel()})
    with np.errstate(divide="ignore"):
        values = np.log(np.concatenate([model.location(at)[None], model.draws(at)[::EVERY]]))
    values = np.maximum(values, -700.0).reshape(-1, len(PARAMS), len(TOKENS))
    for axis in (1, 2):
        values = spline_filter1d(values, 3, axis, mode="mirror")
    return np.pad(values, ((0, 0), (1, 1), (1, 1)), mode="reflect")


def compute_optimal(model: StudyModel, flops: float) -> tuple[float, float]:
    """Params and tokens at which the middle of the model is least for ``flops`` of 6ND; largest,
    where the target rises with size.

    A grid of sizes, drawn together about the least until ln N is known to 1e-6.
    """
    low, high = float(PARAMS[0]), min(float(np.log(flops / 6.0)) - float(TOKENS[0]), PARAMS[-1])
    while high - low > 1e-6:
        log_n = np.linspace(low, high, 65)
        n = np.exp(log_n)
        at = pl.DataFrame({"params": n, "tokens": flops / 6.0 / n})
        location = model.location(at)
        best = int(np.argmax(location) if model.rises else np.argmin(location))
        low, high = log_n[max(best - 2, 0)], log_n[min(best + 2, 64)]
    n_best = float(np.exp(0.5 * (low + high)))
    return n_best, flops / 6.0 / n_best


@dataclass(frozen=True, repr=False)
class ModelFit(Fit):
    """A study's model as a fit; ``draws`` are the numbers of some of its draws."""

    model: StudyModel | None = None

    @property
    def rises(self) -> bool:
        """Whether the target rises with size, as an accuracy does: it has no least loss."""
        return self.model is not None and self.model.rises

    def draws_at(self, x: Mapping[str, Any]) -> Array:
        """All draws of the model at one place, which forecasts read too."""
        assert self.model is not None
        at = pl.DataFrame({name: np.ravel(x[name]) for name in ("params", "tokens")})
        return self.model.draws(at)[:, 0]


def refuse_rising(made: Fit) -> None:
    """Refuse a plan that lowers what should rise.

    Raises:
        InputError: the model's target rises with params and tokens.
    """
    if isinstance(made, ModelFit) and made.rises:
        raise InputError(
            "a plan lowers a loss, and this target rises with params and tokens",
            allowed="a target that falls, such as a loss or an error",
            hint="Of an accuracy plan for the error, 1 - accuracy; `scaling forecast` takes both.",
        )


def model_fit(
    model: StudyModel, unit: str, ranges: Mapping[str, tuple[float, float]], rows: int
) -> ModelFit:
    """The model of params and tokens as a fit: parameter ``draw``, 0 for the location."""

    @functools.cache
    def coefficients() -> Array:
        return _coefficients(model)

    def surface(p: Mapping[str, Array], _: Mapping[str, float]) -> ModelSurface:
        return ModelSurface(model, coefficients(), p["draw"])

    def predict(p: Any, x: Any) -> Array:
        row = p.draw[:, 0].astype(np.int64)
        if np.ndim(x.params) > 1:
            n, d = np.broadcast_arrays(np.log(x.params), np.log(x.tokens))
            one = ModelSurface(model, coefficients(), row)
            return np.stack([one.loss(a, b) for a, b in zip(n.T, d.T, strict=True)], axis=1)
        n, d = np.broadcast_arrays(x.params, x.tokens)
        at = pl.DataFrame({"params": np.atleast_1d(n), "tokens": np.atleast_1d(d)})
        every = model.location(at)[None]
        if row.any():
            every = np.concatenate([every, model.draws(at)])
        return np.asarray(every[row])

    law = Law(
        name=MODEL,
        title="Model of the study",
        formula="L(N, D) by every form, weighed by evidence",
        citation="docs/method.md",
        params=(Param("draw", "1", "number of a draw, 0 for the location", "real"),),
        inputs=("params", "tokens"),
        predict=predict,
        surface=surface,
        assumes="the forms hold on; intervals widen with the distance from the runs",
    )
    known = len(model.draws(pl.DataFrame({"params": [1e9], "tokens": [1e10]})))
    numbers = np.arange(1.0, known + 1.0, EVERY)[:, None]
    return ModelFit(
        law=law, target="loss", theta=np.zeros(1), resampled=numbers,
        objective=float("nan"), objective_name="evidence", link=law.link,
        outcome=Outcome.ESTIMATED, reason="", certificate=NO_CERTIFICATE,
        rows=rows, residuals=np.zeros(0), ranges=ranges, unit=unit, model=model,
    )  # fmt: skip
