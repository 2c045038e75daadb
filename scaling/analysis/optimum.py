"""Compute-optimal exponents by all approaches, side by side.

    N* ~ C**a,  D* ~ C**(1 - a)  at  6ND = C

Approach 1 is the envelope of training curves, approach 2 isoFLOP curves (parabola, cubic, shared
exponents), approach 3 the minimum of a law in N and D; there a = beta/(alpha+beta).

Source: Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", arXiv:2203.15556,
section 3. The approaches agree when the law holds and the runs are centred on the optimum; where
they differ, that is the finding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.applicability import verdict
from scaling.fitting.conventions import refuse_mixtures
from scaling.fitting.data import number
from scaling.fitting.engine import fit
from scaling.fitting.intervals import Interval, column, from_draws
from scaling.fitting.result import Fit
from scaling.io.progress import steps
from scaling.laws._surface import is_allocation, log_optimal_params

# Budgets between which the slope of a law without a closed form is taken.
AROUND = 3.0
# What the study's own model is called among the approaches.
MODEL = "all, weighed"


def exponents(
    runs: pl.DataFrame,
    *,
    budget: float | None = None,
    target: str = "loss",
    approaches: Sequence[str] | None = None,
    resamples: int = 300,
    seed: int = 0,
    level: float = 0.9,
    mixed: Sequence[str] = (),
    model: Fit | None = None,
) -> pl.DataFrame:
    """One row an approach: a with its interval, and N*, D*, D*/N* with theirs at ``budget`` FLOP.

    An approach that the table does not allow has empty figures and the reason in ``note``, where a
    fit's `scaling.fitting.result.Fit.caveats` stand too; ``outcome`` is how the fit ended.
    ``approaches`` are laws; by default one of each approach. ``model`` is the study's model as a
    fit, which goes first. The budget is by default the largest compute in the table.

    Raises:
        InputError: rows of several conventions (see `scaling.fitting.conventions`), or no compute.
    """
    budget = largest_budget(runs) if budget is None else budget
    fits = fits_of(runs, target, (resamples, seed), mixed, model, approaches)
    rows = [row_of(name, made, budget, level) for name, made in fits]
    return pl.DataFrame(rows, infer_schema_length=None)


def fits_of(
    runs: pl.DataFrame,
    target: str,
    how: tuple[int, int],
    mixed: Sequence[str] = (),
    model: Fit | None = None,
    approaches: Sequence[str] | None = None,
) -> list[tuple[str, Fit | str]]:
    """Law and fit of each approach, the ``model`` first, or why the table does not allow it.

    ``how`` is (resamples, seed).

    Raises:
        InputError: rows of several conventions.
    """
    refuse_mixtures(runs, laws.get("chinchilla"), mixed)
    found: list[tuple[str, Fit | str]] = [] if model is None else [(MODEL, model)]
    for name in steps(list(approaches or laws.of_role("exponents"))):
        try:
            found.append((name, _fitted(runs, name, target, how, mixed)))
        except InputError as error:
            found.append((name, str(error)))
    return found


def row_of(name: str, made: Fit | str, budget: float, level: float) -> dict[str, object]:
    """An approach with its figures, or with the reason for none."""
    if name == MODEL and isinstance(made, Fit):
        first: dict[str, object] = {"approach": MODEL, "law": made.law.name}
        return first | _figures(made, budget, level)
    row: dict[str, object] = {"approach": laws.get(name).approach or name, "law": name}
    return row | ({"note": made} if isinstance(made, str) else _figures(made, budget, level))


def exponent_draws(made: Fit, budget: float) -> tuple[float, Array]:
    """a of N* ~ C^a at ``budget`` FLOP by the fit, and by each of its draws (B,)."""
    log_c = float(np.log(budget))
    with np.errstate(all="ignore"):
        drawn = _slope(made, made.draws, log_c) if len(made.draws) else np.zeros(0)
        return float(_slope(made, made.theta[None], log_c)[0]), drawn


def allocation(made: Fit, budget: float, level: float = 0.9) -> dict[str, Interval]:
    """Exponent a, N*, D* and D*/N* of one fit at ``budget`` FLOP, each from the same draws."""
    if not (np.isfinite(budget) and budget > 0):
        raise InputError("budget out of range", value=budget, allowed="> 0 FLOP")

    found: dict[bytes, Array] = {}

    def params(theta: Array) -> Array:
        # Three of the four need it, of the fit and of its draws.
        key = theta.tobytes()
        if key not in found:
            found[key] = np.exp(log_optimal_params(made.law, theta, float(np.log(budget))))
        return found[key]

    return {
        "a": from_draws(made, lambda theta: _slope(made, theta, np.log(budget)), level),
        "params": from_draws(made, params, level),
        "tokens": from_draws(made, lambda theta: budget / 6.0 / params(theta), level),
        "tokens_per_param": from_draws(made, lambda t: budget / 6.0 / params(t) ** 2, level),
    }


def largest_budget(runs: pl.DataFrame) -> float:
    """The largest compute in the table, FLOP.

    Raises:
        InputError: it has none.
    """
    if not ("flops" in runs.columns or {"params", "tokens"} <= set(runs.columns)):
        raise InputError("no budget", allowed="a budget, or flops or params and tokens")
    return float(np.nanmax(_compute(runs)))


def _compute(runs: pl.DataFrame) -> Array:
    if "flops" in runs.columns:
        return number(runs, "flops")
    return 6.0 * number(runs, "params") * number(runs, "tokens")


def _fitted(
    runs: pl.DataFrame, name: str, target: str, how: tuple[int, int], mixed: Sequence[str]
) -> Fit:
    law = laws.get(name)
    seen = verdict(runs.drop([one for one in mixed if one in runs.columns]), law, target)
    if seen.word == "no":
        raise InputError(seen.reason)
    resamples, seed = how
    return fit(runs, law, target=target, resamples=resamples, seed=seed, mixed=mixed)


def _figures(made: Fit, budget: float, level: float) -> dict[str, object]:
    found = allocation(made, budget, level)
    figures = {
        f"{name}{end}": getattr(one, part)
        for name, one in found.items()
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    return figures | {"outcome": str(made.outcome), "note": " ".join(made.caveats)}


def _slope(made: Fit, theta: Array, log_c: float) -> Array:
    """d log N* / d log C."""
    if is_allocation(made.law):
        return np.asarray(column(made, theta, "a"))
    up = log_optimal_params(made.law, theta, log_c + np.log(AROUND))
    down = log_optimal_params(made.law, theta, log_c - np.log(AROUND))
    return np.asarray((up - down) / (2.0 * np.log(AROUND)))
