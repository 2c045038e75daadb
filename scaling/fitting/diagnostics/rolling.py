"""Errors of predictions that a fit could have made: beyond a compute budget, or for another group.

Rolling origin: for each origin C0 the law is fitted to the runs with compute C < C0 and predicts
the others; an error is log(predicted / observed), positive where the law was too pessimistic, at a
horizon of log10(C / C0) decades. Leave one group out: the same for the runs of a group, fitted on
the other groups. Nothing of the runs predicted enters the fit, its starts included.

Sources: Tashman 2000, International Journal of Forecasting 16:437 (rolling origins); Roberts et
al. 2017, Ecography 40:913 (blocks instead of single rows where rows share an error).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.certificate import levels
from scaling.fitting.data import compute
from scaling.fitting.reweighted import group_codes, search
from scaling.fitting.solver.choice import many_fits
from scaling.fitting.solver.problem import Problem

Mask = NDArray[np.bool_]

# Shares of the runs, in order of compute, that the default origins leave for fitting.
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
# Ends of the horizons that `by_horizon` sums up, decades of compute.
HORIZONS = (0.0, 0.5, 1.0, 2.0, 100.0)
MIN_LEVELS = 3
# Rows a parameter below which a fit says more about its noise than about what comes.
MIN_ROWS = 2


def origins(flops: Array, shares: Sequence[float] = SHARES) -> Array:
    """Compute budgets (FLOP) below which each of ``shares`` of the runs lies, distinct, rising."""
    found = np.unique(np.quantile(flops, np.asarray(shares), method="higher"))
    out: Array = found[found > flops.min()]
    return out


def rolling_origin(
    problem: Problem, flops: Array, at: Sequence[float] | Array | None = None
) -> pl.DataFrame:
    """Log errors beyond each origin.

    Args:
        problem: all runs.
        flops: training compute of each row, FLOP.
        at: origins, FLOP; None for `origins`.

    Returns:
        One row a prediction: origin (FLOP), fitted (rows below it), row (from 0), decades,
        log_error. An origin below which the law cannot be told (fewer than two rows a
        parameter, or an input with fewer than three levels) gives no rows.

    Raises:
        InputError: ``flops`` is of other rows, or no origin leaves enough to fit.
    """
    if len(flops) != problem.rows:
        raise InputError("compute of other rows", value=len(flops), allowed=f"{problem.rows}")
    budgets = origins(flops) if at is None else np.asarray(at, dtype=np.float64)
    parts = [
        _predicted(problem, flops < budget).with_columns(
            origin=pl.lit(float(budget)),
            decades=pl.Series(np.log10(flops[flops >= budget] / budget)),
        )
        for budget in budgets
        if _enough(problem, flops < budget)
    ]
    if not parts:
        raise InputError(
            f"no origin leaves enough runs to fit {problem.law.name}",
            value=f"{problem.rows} rows, {len(budgets)} origins",
            allowed=_least(problem),
        )
    return pl.concat(parts).select("origin", "fitted", "row", "decades", "log_error")


def group_errors(problem: Problem, groups: NDArray[np.int64], names: Sequence[str]) -> pl.DataFrame:
    """Log errors for the runs of each group, fitted on the other groups.

    ``groups`` (rows,) numbers the groups from 0 and ``names`` names them. Columns: group, fitted
    (rows of other groups), row (from 0), log_error. Groups without which the law cannot be told
    give no rows.

    Raises:
        InputError: ``groups`` is of other rows, or no group can be left out.
    """
    if len(groups) != problem.rows:
        raise InputError("groups of other rows", value=len(groups), allowed=f"{problem.rows}")
    parts = [
        _predicted(problem, groups != at).with_columns(group=pl.lit(name))
        for at, name in enumerate(names)
        if _enough(problem, groups != at)
    ]
    if not parts:
        raise InputError(
            f"no group leaves enough runs to fit {problem.law.name}",
            value=f"{len(names)} groups",
            allowed=_least(problem),
        )
    return pl.concat(parts).select("group", "fitted", "row", "log_error")


def by_horizon(errors: pl.DataFrame, ends: Sequence[float] = HORIZONS) -> pl.DataFrame:
    """Errors of `rolling_origin` by distance: from, to (decades), origins, rows, bias, rmse.

    bias is the mean log error, rmse the root of the mean square. Horizons without a prediction
    are left out.
    """
    parts = []
    for low, high in itertools.pairwise(ends):
        inside = errors.filter(pl.col("decades").is_between(low, high, closed="left"))
        if inside.height:
            line = {"from": low, "to": high, "origins": inside["origin"].n_unique()}
            parts.append(line | summary(inside["log_error"].to_numpy()))
    return pl.DataFrame(parts)


@many_fits()
def errors_by_horizon(
    runs: pl.DataFrame, problems: Sequence[Problem]
) -> tuple[pl.DataFrame, list[str]]:
    """`by_horizon` of several laws on the same runs, with a column ``law``, from one set of
    origins; and a sentence for each law that could not be tried.
    """
    try:
        budgets = compute(runs)
    except InputError as error:
        return pl.DataFrame(), [f"No rolling origin, for want of compute: {error}"]
    parts, notes = [], []
    for problem in problems:
        try:
            found = by_horizon(rolling_origin(problem, budgets))
            parts.append(found.select(pl.lit(problem.law.name).alias("law"), pl.all()))
        except InputError as error:
            notes.append(f"No rolling origin: {error}")
    return (pl.concat(parts) if parts else pl.DataFrame()), notes


@many_fits()
def errors_by_group(
    runs: pl.DataFrame, problems: Sequence[Problem], by: str
) -> tuple[pl.DataFrame, list[str]]:
    """law, group, rows, bias and rmse of `group_errors` for each value of the column ``by``."""
    names, groups = group_codes(runs, by)
    lines, notes = [], []
    for problem in problems:
        try:
            found = group_errors(problem, groups, names)
        except InputError as error:
            notes.append(f"No groups left out: {error}")
            continue
        for (group,), part in found.group_by("group", maintain_order=True):
            head = {"law": problem.law.name, "group": group}
            lines.append(head | summary(part["log_error"].to_numpy()))
    return pl.DataFrame(lines), notes


def summary(log_errors: Array) -> dict[str, float]:
    """rows, bias and rmse of log errors."""
    return {
        "rows": len(log_errors),
        "bias": float(np.mean(log_errors)),
        "rmse": float(np.sqrt(np.mean(log_errors**2))),
    }


def _predicted(problem: Problem, fitted: Mask) -> pl.DataFrame:
    """Fit the rows of the mask and predict the others: fitted, row, log_error."""
    found = search(problem, fitted.astype(np.float64))
    away = np.flatnonzero(~fitted)
    x = {name: column[away] for name, column in problem.x.items()}
    with np.errstate(all="ignore"):
        predicted = np.log(problem.law(problem.space.theta(found.u), x)[0])
        error = predicted - np.log(_natural(problem)[away])
    return pl.DataFrame({"row": away, "log_error": error}).with_columns(
        fitted=pl.lit(int(fitted.sum()), dtype=pl.Int64)
    )


def _natural(problem: Problem) -> Array:
    """The target in its own units."""
    link, y = problem.objective.link, problem.y
    if link == "log":
        return np.exp(y)
    fraction = link == "logit" and problem.objective.kind != "binomial"
    return 1.0 / (1.0 + np.exp(-y)) if fraction else y


def _least(problem: Problem) -> str:
    rows = MIN_ROWS * problem.space.size
    return f"at least {rows} rows and {MIN_LEVELS} levels of each input to fit"


def _enough(problem: Problem, fitted: Mask) -> bool:
    """Whether the rows of the mask can tell the parameters, and a row is left to predict."""
    if fitted.all() or fitted.sum() < MIN_ROWS * problem.space.size:
        return False
    part = replace(problem, x={name: column[fitted] for name, column in problem.x.items()})
    return min(levels(part).values()) >= MIN_LEVELS
