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
from scaling.fitting.uncertainty.small_samples import t_over_z
from scaling.laws._law import Law

NOISE_PER_DRAW = 8
# Draws behind the quantiles: Monte Carlo error of the 95 % ends about 5 % of their width.
RESAMPLES = 500
# Draws of a new run's noise, of which each is used about once.
NOISE_DRAWS = RESAMPLES * NOISE_PER_DRAW


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
    """Quantiles (levels, T) of what a new run shows, on the scale of the fit's link.

    With n runs and p parameters a new run is

        f + c (f* - f) + s t,   c = sqrt(n / (n - p)) t(n - p) / z,   s^2 = sum of r^2 / (n - p)

    f what the fit predicts, f* what a resample does, r the residuals, t Student's with n - p
    degrees of freedom. Without c, and with single residuals as noise, 90 % intervals held 86 % of
    the runs one step beyond small tables; with them they hold what docs/benchmarks/families.md
    says. Resamples by cluster have their factor already. A law that predicts something else than
    its target (an optimum, a frontier) has no new-run noise: the quantiles are those of the draws.

    Raises:
        InputError: a fit without resamples.
    """
    if not len(made.resampled) or made.resampling is None:
        raise InputError(
            f"{made.law.name} has no intervals here",
            value=made.outcome,
            allowed="runs that give resamples, or a forecast with no law named",
            hint=" ".join(made.caveats) or None,
        )
    runs, free = len(made.residuals), max(len(made.residuals) - len(made.law.names), 1)
    single = runs > 0 and made.resampling.clusters == runs
    wider = np.sqrt(runs / free) * t_over_z(free) if single else 1.0
    scale = np.sqrt(np.sum(made.residuals**2) / free)
    noise = scale * np.random.default_rng([seed, 3]).standard_t(free, NOISE_DRAWS)
    forth, back = SCALES[made.law.link]
    with np.errstate(all="ignore"):
        centre = forth(made.law(made.theta[None], x))
        drawn = centre + wider * (forth(made.law(made.resampled, x)) - centre)
        return np.clip(back(quantiles(drawn, noise, levels, seed)), *made.law.span)


def law_quantiles(
    law: Law, draws: Array, residuals: Array, x: dict[str, Array], how: tuple[Array, int]
) -> Array:
    """Quantiles (levels, T) of what a fit file holds: its draws, and single residuals as noise.
    ``how`` is (levels, seed). Published forecasts are made so."""
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
