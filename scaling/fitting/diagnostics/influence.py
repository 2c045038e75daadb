"""Which runs carry a fit: what leaving each one out, or each group, does to it.

For each row or group g with optimum u_g of the other rows:

    change of parameter k  (theta_k(u_g) - theta_k(u)) / se_k, in standard errors
    change of a prediction L(x; u_g) - L(x; u), in units of the target
    distance               sqrt((u_g - u)' V^-1 (u_g - u) / P)

The standard errors are robust (`scaling.fitting.uncertainty.sandwich.smooth_covariance`). They
count the pull of the row itself, so a single row hardly moves a parameter by more than one. The
distance, the root of Cook's, has the covariance V of rows with one error between them
(`plain_covariance`) and no such ceiling. It sums up all parameters and knows that A and alpha can
move together and leave the predictions where they were. Source: Cook 1977, Technometrics 19:15.

Refits are exact up to 4 million row losses a pass (2,000 rows left out one by one). Beyond, one
Newton step from u stands in, with the smoothed curvature of the rows that stay:

    u_g - u = (H - H_g)^-1 s_g,  s_g and H_g the score and curvature of what is left out

Source: Pregibon 1981, Annals of Statistics 9:705. The ``method`` column says which was used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import law_inputs
from scaling.fitting.result import Fit
from scaling.fitting.reweighted import group_codes, refit
from scaling.fitting.solver.problem import Problem
from scaling.fitting.uncertainty import sandwich
from scaling.fitting.uncertainty.sandwich import row_scores

Groups = NDArray[np.int64]

# Row losses in one pass up to which refits are exact.
MAX_EXACT = 4_000_000


@dataclass(frozen=True)
class Influence:
    """What leaving each group out does.

    Attributes:
        u: coordinates without each group, (groups, P).
        theta: natural parameters without each group, (groups, K).
        change: change of each natural parameter in standard errors, (groups, K); 0 where fixed.
        distance: see the module's docstring, (groups,).
        method: "refit", or "one step" for the approximation.
    """

    u: Array
    theta: Array
    change: Array
    distance: Array
    method: str


def influence(problem: Problem, fit: Fit, groups: Groups) -> Influence:
    """Leave each of the groups out (``groups`` (rows,) numbers them from 0).

    Raises:
        InputError: the fit is of other rows, or there are fewer than two groups.
    """
    if fit.rows != problem.rows or len(groups) != problem.rows:
        raise InputError("fit of other rows", value=fit.rows, allowed=f"{problem.rows} rows")
    if groups.max() < 1:
        raise InputError("nothing to leave out", value=1, allowed="at least two groups")
    u = problem.space.coordinates(fit.theta[None])
    exact = (int(groups.max()) + 1) * problem.rows <= MAX_EXACT
    without = exact_refits(problem, u[0], groups) if exact else one_step(problem, u, groups)
    theta = problem.space.theta(without)
    errors = sandwich.natural_errors(problem, u, sandwich.smooth_covariance(problem, u))
    return Influence(
        u=without,
        theta=theta,
        change=(theta - fit.theta) / np.where(errors > 0, errors, np.inf),
        distance=_distance(without - u, sandwich.plain_covariance(problem, u)),
        method="refit" if exact else "one step",
    )


def exact_refits(problem: Problem, u: Array, groups: Groups) -> Array:
    """Optima (groups, P) without each group."""
    weights = (groups[None, :] != np.arange(groups.max() + 1)[:, None]).astype(np.float64)
    return refit(problem, u, weights).u


def one_step(problem: Problem, u: Array, groups: Groups) -> Array:
    """Approximate optima (groups, P) without each group, one Newton step from ``u`` (1, P)."""
    curves = sandwich.row_curvatures(problem, u)
    rest = curves.sum(axis=0) - sandwich.sums(groups, curves)
    scores = sandwich.sums(groups, row_scores(problem, u))
    step = sandwich.inverse(rest) @ scores[:, :, None]
    out: Array = u + step[:, :, 0]
    return out


def influence_table(
    runs: pl.DataFrame,
    problem: Problem,
    fit: Fit,
    *,
    by: str | None = None,
    targets: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row a run (or a value of the column ``by``), the most influential first.

    Columns: ``run`` (the run's name, or ``row``, its number from 1, where ``runs`` has no such
    column) or the column ``by``; ``rows`` left out; ``distance``; one column a free parameter, its
    change in standard errors; ``prediction_NAME`` for each row of ``targets`` (its ``name``, or
    its number from 1), the change of the prediction in units of the target; ``method``.

    Raises:
        InputError: no such column, or as `influence`.
    """
    label, names, groups = _named_groups(runs, by)
    made = influence(problem, fit, groups)
    columns: dict[str, object] = {
        label: names,
        "rows": np.bincount(groups),
        "distance": made.distance,
    }
    free = [(k, name) for k, name in enumerate(fit.law.names) if name in fit.free]
    columns |= {name: made.change[:, k] for k, name in free}
    if targets is not None:
        columns |= _prediction_changes(fit, made.theta, targets)
    table = pl.DataFrame(columns).with_columns(method=pl.lit(made.method))
    return table.sort("distance", descending=True, nulls_last=True, maintain_order=True)


def _distance(change: Array, covariance: Array) -> Array:
    precision = sandwich.inverse(covariance)
    squared = np.einsum("gp,pq,gq->g", change, precision, change) / change.shape[1]
    out: Array = np.sqrt(np.maximum(squared, 0.0))
    return out


def _named_groups(runs: pl.DataFrame, by: str | None) -> tuple[str, list[Any], Groups]:
    """Name of the first column, its values and each row's group."""
    rows = np.arange(runs.height)
    if by is None:
        named = "run" in runs.columns
        return ("run", runs["run"].to_list(), rows) if named else ("row", (rows + 1).tolist(), rows)
    names, groups = group_codes(runs, by)
    return by, names, groups


def _prediction_changes(fit: Fit, theta: Array, targets: pl.DataFrame) -> dict[str, Array]:
    x = law_inputs(targets, fit.law)
    change = fit.law(theta, x) - fit.predict(x)
    return {name: change[:, at] for at, name in enumerate(prediction_columns(targets))}


def prediction_columns(targets: pl.DataFrame) -> list[str]:
    """``prediction_NAME`` of each target: its ``name``, or its number from 1."""
    names = targets["name"] if "name" in targets.columns else range(1, targets.height + 1)
    return [f"prediction_{name}" for name in names]
