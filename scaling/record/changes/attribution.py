"""Which runs moved which parameter: a fit of one version and the next, step by step.

With theta(S) the optimum of the present code and choices on the rows S, and R the rows of both
versions that are as before:

    code       theta(old rows) - what the old version printed + what the new one did - theta(new)
    withdrawn  theta(R and what was to be revised) - theta(old rows)
    revised    theta(R, revised) - theta(R, unrevised)
    added      theta(new rows) - theta(R, revised)

which add up to the whole change, to the last digit, in this order. What one run did is the change
when it alone is taken back: added rows left out, revised ones as they were, withdrawn ones put
back. Runs that lean on each other share what they did, so these need not add up.

All are exact refits, one batch of row weights over the rows of both versions
(`scaling.fitting.reweighted`). Changes are in standard errors of the newer fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.diagnostics.influence import MAX_EXACT
from scaling.fitting.engine import default_objective, prepare
from scaling.fitting.reweighted import refit
from scaling.fitting.solver.problem import Problem
from scaling.fitting.study_record import FitRecord
from scaling.record.changes.rows import ADDED, IS, WAS, WITHDRAWN, Rows

STEPS = ("code", "withdrawn", "revised", "added")
# Runs listed for each fit, and steps that are nothing but rounding.
MAX_RUNS = 5
ROUNDING = 1e-6


def attribute_changes(
    rows: Rows,
    old: FitRecord,
    new: FitRecord,
    delta: float,
    mixed: Sequence[str] = (),
) -> dict[str, Any]:
    """What moved one law's parameters; ``old`` and ``new`` are its fits.

    Returns ``parameters`` (name, old, new, change in standard errors, and its `STEPS`) and
    ``runs`` (run, what it is, moved: parameter -> standard errors), the strongest first; or
    ``reason``, why they cannot be computed.
    """
    try:
        law = laws.get(new.law)
        if law.estimate is not None:
            return {"reason": f"{law.name} has its own procedure, which is not repeated here"}
        problem = prepare(
            rows.table, law, objective=default_objective(law, delta), mixed=mixed or ()
        )
        return _attributed(problem, rows, old, new)
    except InputError as error:
        return {"reason": str(error)}


def _attributed(problem: Problem, rows: Rows, old: FitRecord, new: FitRecord) -> dict[str, Any]:
    names = problem.law.names
    if set(old.parameters) != set(names) or set(new.parameters) != set(names):
        return {"reason": "the law has other parameters than it had"}
    before, after = (np.array([one.values[name] for name in names]) for one in (old, new))
    errors = np.array([_positive(new.parameters[name].se) for name in names])
    groups = _groups(rows)
    sets = np.vstack([_steps(rows), *(group for _, _, group in groups)])
    if sets.size > MAX_EXACT:
        groups, sets = [], sets[: len(STEPS)]
    theta = _optima(problem, after, sets)
    parts = np.vstack([(theta[0] - before) + (after - theta[3]), np.diff(theta[:4], axis=0)])
    parameters = [
        {"parameter": name, "old": float(before[k]), "new": float(after[k]),
         "change": float((after[k] - before[k]) / errors[k])}
        | {step: _rounded(parts[at, k] / errors[k]) for at, step in enumerate(STEPS)}
        for k, name in enumerate(names)
    ]  # fmt: skip
    result: dict[str, Any] = {"parameters": parameters, "runs": _runs(groups, theta, errors, names)}
    if sets.size == len(STEPS) * len(rows.kind) and len(rows.runs()) > 0:
        result["reason"] = "too many runs and rows to refit without each"
    return result


def _positive(error: float | None) -> float:
    """A parameter without a standard error has moved by no number of them."""
    return error if error is not None and error > 0 else math.inf


def _rounded(value: float) -> float:
    return 0.0 if abs(value) < ROUNDING else float(value)


def _steps(rows: Rows) -> Array:
    """Weights (4, rows): the old rows, without the withdrawn, with the revised, the new rows."""
    old, new = rows.old, rows.new
    kept = old & (rows.kind != WITHDRAWN)
    revised = new & (rows.kind != ADDED)
    return np.vstack([old, kept, revised, new]).astype(np.float64)


def _groups(rows: Rows) -> list[tuple[str, str, Array]]:
    """Run, what became of it, and the weights (rows,) with that taken back."""
    names = rows.table["run"].to_numpy()
    found = []
    for run in rows.runs():
        own = names == run["run"]
        back = np.where(own, np.isin(rows.kind, (WITHDRAWN, WAS)), rows.new).astype(np.float64)
        kept = own & rows.new & ~np.isin(rows.kind, (ADDED, IS))
        words = [word for word in ("added", "revised", "withdrawn") if run[word]]
        found.append((run["run"], " and ".join(words), np.maximum(back, kept)))
    return found


def _optima(problem: Problem, theta: Array, sets: Array) -> Array:
    """Natural parameters (sets, K) under each set of weights, from the newer optimum."""
    u = problem.space.coordinates(theta[None])[0]
    return np.asarray(problem.space.theta(refit(problem, u, sets).u))


def _runs(
    groups: list[tuple[str, str, Array]], theta: Array, errors: Array, names: Sequence[str]
) -> list[dict[str, Any]]:
    """What each run did, by the parameter that it moved most."""
    moved_runs: list[dict[str, Any]] = []
    for (run, what, _), without in zip(groups, theta[len(STEPS) :], strict=True):
        parts = (theta[len(STEPS) - 1] - without) / errors
        moved = {name: _rounded(part) for name, part in zip(names, parts, strict=True)}
        moved_runs.append({"run": run, "what": what, "moved": moved})
    return sorted(moved_runs, key=lambda one: -max(map(abs, one["moved"].values())))[:MAX_RUNS]
