"""Which law do the data prefer? AIC, AICc and BIC on a normalised likelihood.

The objective of a fit is the negative logarithm of a density once it has a scale s and a
normalising constant. With r the residual on the link scale, rho Huber's loss with corner delta and
w the row's weight,

    p(r) = exp(-w rho(r) / s^2) / Z(s / sqrt(w)),
    Z(s) = s sqrt(2 pi) erf(delta / (s sqrt 2)) + 2 s^2/delta exp(-delta^2 / (2 s^2)).

It is Gaussian with standard deviation s where delta is infinite (least squares), and Laplace with
mean size s^2/delta where delta is far below the residuals. The corner stays at delta for every s,
so the fitted parameters maximise this likelihood whatever s is, and s has one maximum:
2F/s^2 = sum of d log Z / d log s, with F the objective and s^2 between F/n and 2F/n. (Besiroglu et
al. 2024, arXiv:2404.10102, hold delta/s at 1e-3 instead; at their s the corner is 5e-9, so what
they print is the fit of least absolute residuals.)

The density of the target itself is p(r) |d link / d target|: with that factor, laws fitted on log
and on raw values compare (Burnham and Anderson 2002, "Model selection and multimodel inference",
section 2.11.3). With k the free parameters plus the scale and n rows,

    AIC = 2k - 2 log L      AICc = AIC + 2k(k+1)/(n-k-1)      BIC = k log n - 2 log L

Sources: Huber 1964, Annals of Mathematical Statistics 35:73 (the density); Akaike 1974, IEEE
Transactions on Automatic Control 19:716; Hurvich and Tsai 1989, Biometrika 76:297; Schwarz 1978,
Annals of Statistics 6:461.

All of them take rows as independent: where checkpoints of one run, or runs of one budget, share an
error, differences are too sure of themselves. Prediction errors
(`scaling.fitting.diagnostics.rolling`) are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.result import Fit
from scaling.fitting.solver.problem import Problem

# Halvings of the bracket [F/n, 2F/n] of s^2: to the last digit of a double.
HALVINGS = 60


@dataclass(frozen=True)
class Criteria:
    """Likelihood and information criteria of one fit.

    Attributes:
        log_likelihood: log density of the target column, in nats, all rows together.
        scale: s of the module's formula, in units of the link scale.
        corner: Huber's corner delta of the density; infinite for the Gaussian.
        k: free parameters plus the scale.
        rows: rows that the likelihood is over.
        aic, aicc, bic: lower is better; aicc is infinite where rows <= k + 1.
    """

    log_likelihood: float
    scale: float
    corner: float
    k: int
    rows: int
    aic: float
    aicc: float
    bic: float

    def to_dict(self) -> dict[str, float | int]:
        """Plain values, for JSON."""
        return asdict(self)


def criteria(problem: Problem, fit: Fit, corner: float | None = None) -> Criteria:
    """Likelihood, scale at its maximum, and criteria of ``fit`` on the rows of ``problem``.

    ``corner`` is the corner of the density; None takes the fit's own objective, under which the
    parameters are at their maximum, and infinity the Gaussian. Under another corner than its own
    a fit is judged by a likelihood that it did not maximise.

    Raises:
        InputError: the fit is of other rows, the corner is not positive, or the objective has no
            density of this kind (binomial, quantile).
    """
    if fit.rows != problem.rows:
        raise InputError("fit of other rows", value=fit.rows, allowed=f"{problem.rows} rows")
    at = _own_corner(problem) if corner is None else corner
    if not at > 0:
        raise InputError("corner out of range", value=corner, allowed="> 0")
    rho = huber(fit.residuals, at)
    scale = best_scale(rho, problem.weights, at)
    log_likelihood = _log_likelihood(rho, problem.weights, at, scale) + log_jacobian(problem)
    k, n = len(fit.free) + 1, problem.rows
    aic = 2.0 * k - 2.0 * log_likelihood
    return Criteria(
        log_likelihood=log_likelihood,
        scale=scale,
        corner=at,
        k=k,
        rows=n,
        aic=aic,
        aicc=aic + 2.0 * k * (k + 1) / (n - k - 1) if n > k + 1 else math.inf,
        bic=k * math.log(n) - 2.0 * log_likelihood,
    )


def compare(fits: Sequence[tuple[Problem, Fit]], corner: float | None = None) -> pl.DataFrame:
    """Criteria of several fits of the same rows, best AICc first.

    One row a fit: law, objective, outcome, k, rows, log_likelihood, scale, aic, aicc, bic, each
    criterion's difference from the lowest (delta_aic, ...), and ``weight``, the Akaike weight
    exp(-delta_aicc/2) / sum (Burnham and Anderson 2002, section 2.9).

    Raises:
        InputError: no fits, fits of different target values, or as `criteria`.
    """
    if not fits:
        raise InputError("nothing to compare", value=0, allowed="at least one fit")
    _same_rows([problem for problem, _ in fits])
    made = [criteria(problem, one, corner) for problem, one in fits]
    table = pl.DataFrame(
        {
            "law": [one.law.name for _, one in fits],
            "objective": [one.objective_name for _, one in fits],
            "outcome": [str(one.outcome) for _, one in fits],
            **{
                name: [getattr(one, name) for one in made]
                for name in ("k", "rows", "log_likelihood", "scale", "aic", "aicc", "bic")
            },
        }
    )
    for name in ("aic", "aicc", "bic"):
        table = table.with_columns(_above_lowest(table[name]).alias(f"delta_{name}"))
    weight = np.exp(-0.5 * table["delta_aicc"].to_numpy())
    table = table.with_columns(weight=pl.Series(weight / weight.sum()))
    return table.sort("delta_aicc", "aic", maintain_order=True)


def huber(r: Array, corner: float) -> Array:
    """r^2/2 within the corner, corner (|r| - corner/2) beyond; least squares where infinite."""
    size = np.abs(r)
    inside = np.minimum(size, corner)
    out: Array = inside * (size - 0.5 * inside)
    return out


def log_normaliser(scale: float, corner: float) -> float:
    """log Z(s) of the module's formula."""
    inner, outer = _parts(scale, corner)
    return math.log(inner + outer)


def best_scale(rho: Array, weights: Array, corner: float) -> float:
    """The scale s at which the likelihood of the losses ``rho`` (rows,) is largest."""
    total = float(np.sum(weights * rho))
    sizes, counts = np.unique(np.sqrt(weights), return_counts=True)
    low, high = total / len(rho), 2.0 * total / len(rho)
    for _ in range(HALVINGS if 0 < total < math.inf else 0):
        middle = 0.5 * (low + high)
        slopes = [_slope(math.sqrt(middle) / size, corner) for size in sizes]
        if 2.0 * total / middle > float(np.dot(counts, slopes)):
            low = middle
        else:
            high = middle
    return math.sqrt(0.5 * (low + high))


def log_jacobian(problem: Problem) -> float:
    """Sum over rows of log |d link / d target|: -log y for logs, -log y(1-y) for log-odds."""
    link, y = problem.objective.link, problem.y
    if link == "linear":
        return 0.0
    if link == "log":
        return -float(np.sum(y))
    return float(np.sum(np.logaddexp(0.0, -y) + np.logaddexp(0.0, y)))


def _log_likelihood(rho: Array, weights: Array, corner: float, scale: float) -> float:
    """Log density of the residuals on the link scale; a perfect fit has no finite one."""
    if scale == 0 or not math.isfinite(scale):
        return math.inf if scale == 0 else -math.inf
    sizes, counts = np.unique(np.sqrt(weights), return_counts=True)
    constants = [log_normaliser(scale / size, corner) for size in sizes]
    return -float(np.sum(weights * rho)) / scale**2 - float(np.dot(counts, constants))


def _parts(scale: float, corner: float) -> tuple[float, float]:
    """Mass of the density's middle and of its two tails, before normalising."""
    ratio = corner / scale
    inner = scale * math.sqrt(2.0 * math.pi) * math.erf(ratio / math.sqrt(2.0))
    return inner, 2.0 * scale / ratio * math.exp(-0.5 * ratio * ratio)


def _slope(scale: float, corner: float) -> float:
    """d log Z / d log s: 1 for a Gaussian, 2 for a Laplace density, rising with s."""
    inner, outer = _parts(scale, corner)
    return (inner + 2.0 * outer) / (inner + outer)


def _own_corner(problem: Problem) -> float:
    aim = problem.objective
    if aim.kind == "least_squares":
        return math.inf
    if aim.kind == "huber":
        return aim.delta
    raise InputError(
        "no likelihood for this objective", value=aim.kind, allowed="huber, least_squares"
    )


def _same_rows(problems: Sequence[Problem]) -> None:
    """Refuse to compare likelihoods of different data."""
    first = _target(problems[0])
    for problem in problems[1:]:
        other = _target(problem)
        if len(other) != len(first) or not np.allclose(other, first, rtol=1e-9, atol=0.0):
            raise InputError(
                "fits of different rows cannot be compared",
                value=f"{len(first)} and {len(other)} rows",
                allowed="the same target values in the same order",
            )


def _target(problem: Problem) -> Array:
    """The target column, back from the link scale."""
    link, y = problem.objective.link, problem.y
    if link == "log":
        return np.exp(y)
    return y if link == "linear" else 1.0 / (1.0 + np.exp(-y))


def _above_lowest(column: pl.Series) -> pl.Series:
    values = column.to_numpy()
    lowest = values.min()
    if not np.isfinite(lowest):
        raise InputError(
            "no finite criterion to compare with",
            value=float(lowest),
            allowed="rows beyond the parameters + 2, and residuals that are not all zero",
        )
    return pl.Series(values - lowest)
