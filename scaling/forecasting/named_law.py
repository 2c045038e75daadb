"""What one law alone says, with its own uncertainty: parameter draws and new-run noise.

Shown beside the forecast of all laws together; the difference between laws is model form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import law_inputs
from scaling.fitting.engine import fit
from scaling.fitting.result import Fit
from scaling.laws._law import Law

NOISE_PER_DRAW = 8
# Draws behind the quantiles: Monte Carlo error of the 95 % ends about 5 % of their width.
RESAMPLES = 500


def _same(value: Array) -> Array:
    return value


def _logit(value: Array) -> Array:
    return np.asarray(np.log(value) - np.log1p(-value))


def _expit(value: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-value)))


SCALES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "log": (np.log, np.exp),
    "linear": (_same, _same),
    "logit": (_logit, _expit),
}


def run_noise(residuals: Array, parameters: int) -> Array:
    """Log scatter of single runs about a law: observed minus predicted, centred, and widened by
    sqrt(n / (n - p)) for the p parameters that the fit bent towards the data."""
    rows = len(residuals)
    noise = -residuals * np.sqrt(rows / max(rows - parameters, 1))
    return np.asarray(noise - np.median(noise))


def forecast_one(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    law: Law,
    target: str,
    how: tuple[Array, int],
    by: Mapping[str, str] | None = None,
    mixed: Sequence[str] = (),
) -> tuple[Array, tuple[str, ...]]:
    """Quantiles (levels, T) of what the law predicts at the rows of ``at``, and the caveats of its
    fit; ``how`` is (levels, seed), ``by`` maps inputs to columns, ``mixed`` is that of
    `scaling.fit`."""
    levels, seed = how
    made = fit(runs, law, target=target, inputs=by, resamples=RESAMPLES, seed=seed, mixed=mixed)
    x = law_inputs(at, made.law, by, to_fit=False)
    return from_fit(made, x, levels, seed), made.caveats


def from_fit(made: Fit, x: dict[str, Array], levels: Array, seed: int) -> Array:
    """Quantiles (levels, T) of a fit's draws and its own noise, on the scale of its link.

    A law that predicts something else than its target (an optimum, a frontier) has no new-run
    noise: the quantiles are those of the draws.

    Raises:
        InputError: a fit without resamples.
    """
    if not len(made.resampled):
        raise InputError(
            f"{made.law.name} has no intervals here",
            value=made.outcome,
            allowed="runs that give resamples, or a forecast with no law named",
            hint=" ".join(made.caveats) or None,
        )
    return law_quantiles(made.law, made.resampled, made.residuals, x, (levels, seed))


def law_quantiles(
    law: Law, draws: Array, residuals: Array, x: dict[str, Array], how: tuple[Array, int]
) -> Array:
    """`from_fit` of what a fit file holds; ``how`` is (levels, seed)."""
    levels, seed = how
    noise = run_noise(residuals, len(law.names)) if len(residuals) else np.zeros(1)
    forth, back = SCALES[law.link]
    with np.errstate(all="ignore"):
        return back(quantiles(forth(law(draws, x)), noise, levels, seed))


def quantiles(draws: Array, noise: Array, levels: Array, seed: int) -> Array:
    """Quantiles (levels, T) of draws (R, T) on the link scale plus resampled ``noise``."""
    rng = np.random.default_rng([seed, 2])
    drawn = np.repeat(draws, NOISE_PER_DRAW, axis=0)
    pool = drawn + rng.choice(noise, size=len(drawn))[:, None]
    return np.asarray(np.quantile(pool, levels, axis=0))
