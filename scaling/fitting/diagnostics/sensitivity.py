"""How far the answer depends on choices: Huber's delta, the loss space, exclusions, clusters.

A panel of fits: every objective of ``OBJECTIVES`` (Huber at five corners, and least squares, each
on logs and on raw values) with every exclusion applied, with each lifted alone, and with all
lifted. Each fit brings its parameters, standard errors by row and by cluster, the compute-optimal
tokens per parameter at a budget and predictions at targets.

On the 240 Chinchilla points the optimum barely moves below delta 1e-3 (tokens per parameter at
5.76e23 FLOP: 18.3 at 1e-5, 17.9 at 1e-3, 14.3 from 0.1 on), while five outliers left in take it to
6.8. Sources: (Mis)Fitting, arXiv:2502.18969 (choices that papers leave out); Besiroglu et al. 2024,
arXiv:2404.10102, section 2 (the outliers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling import laws
from scaling.arrays import Array
from scaling.fitting.conventions import CONVENTIONS
from scaling.fitting.data import clusters, law_inputs
from scaling.fitting.diagnostics.exclusions import Exclusion, apply
from scaling.fitting.diagnostics.influence import prediction_columns
from scaling.fitting.engine import prepare, solve
from scaling.fitting.result import Fit
from scaling.fitting.solver.choice import many_fits
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.problem import Problem
from scaling.fitting.uncertainty.sandwich import natural_errors, smooth_covariance
from scaling.laws._law import Law
from scaling.laws._surface import compute_optimal

DELTAS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
OBJECTIVES = (
    *(Objective(delta=delta) for delta in DELTAS),
    Objective(kind="least_squares"),
    *(Objective(link="linear", delta=delta) for delta in DELTAS),
    Objective(kind="least_squares", link="linear"),
)
# FLOP; the budget of Gopher and Chinchilla (Hoffmann et al. 2022, arXiv:2203.15556, section 4.1).
BUDGET = 5.76e23
ALL_LIFTED = "every rule"


@many_fits()
def panel(
    runs_all: pl.DataFrame,
    law: str | Law,
    *,
    rules: Sequence[Exclusion] = (),
    target: str = "loss",
    inputs: Mapping[str, str] | None = None,
    cluster: str | None = None,
    budget: float = BUDGET,
    targets: pl.DataFrame | None = None,
    objectives: Sequence[Objective] = OBJECTIVES,
) -> pl.DataFrame:
    """One row a fit.

    Args:
        runs_all: every run, before any exclusion.
        law: name of a law, or a `Law`.
        rules: exclusions; all applied, each lifted alone, all lifted.
        target, inputs: as in `scaling.fitting.engine.fit`.
        cluster: column of the cluster standard errors; None as in `scaling.fitting.engine.fit`.
        budget: FLOP of the compute-optimal allocation.
        targets: rows with the law's inputs, and ``name`` where they have one, to predict.
        objectives: what to minimise; on raw values delta is in units of the target.

    Returns:
        space (log, raw), loss, delta (empty for least squares), lifted (the rule not applied;
        empty where all are), rows, outcome, objective, the parameters, ``se_row_NAME``, cluster,
        ``se_cluster_NAME`` (sandwich, natural units; NaN where the outcome denies them),
        tokens_per_param (compute-optimal at ``budget``; empty for a law without an N-D trade-off of
        the form of approach 3) and ``prediction_NAME`` for each target, in units of the target
        column.

    Raises:
        InputError: as `scaling.fitting.engine.fit`, or a rule that cannot be read.
    """
    family = laws.get(law)
    lines = []
    for lifted, runs in _tables(runs_all, rules):
        unit = clusters(runs, cluster)
        for aim in objectives:
            mixed = CONVENTIONS if lifted else ()  # the rule can be what kept them apart
            problem = prepare(
                runs, family, target=target, inputs=inputs, objective=aim, mixed=mixed
            )
            made, u = solve(problem, target)
            lines.append(
                _choice(aim, lifted)
                | _answer(made)
                | _errors(problem, u[None], unit, made.outcome.denies)
                | _consequences(made, budget, targets)
            )
    return pl.DataFrame(lines, infer_schema_length=None)


def _tables(runs_all: pl.DataFrame, rules: Sequence[Exclusion]) -> list[tuple[str, pl.DataFrame]]:
    """What is lifted, and the rows that stay."""
    found = [("", apply(runs_all, rules))]
    for lifted in rules:
        rest = [rule for rule in rules if rule != lifted]
        found.append((lifted.where, apply(runs_all, rest)))
    return found if len(rules) < 2 else [*found, (ALL_LIFTED, runs_all)]


def _choice(aim: Objective, lifted: str) -> dict[str, object]:
    return {
        "space": "raw" if aim.link == "linear" else aim.link,
        "loss": aim.kind,
        "delta": aim.delta if aim.kind == "huber" else None,
        "lifted": lifted,
    }


def _answer(made: Fit) -> dict[str, object]:
    head = {"rows": made.rows, "outcome": str(made.outcome), "objective": made.objective}
    return head | made.values


def _errors(
    problem: Problem, u: Array, unit: tuple[str, NDArray[np.int64]], denied: bool
) -> dict[str, object]:
    """Standard errors by row and by cluster, NaN where the outcome denies them."""
    name, groups = unit
    known = float("nan") if denied else 1.0
    by_row = known * natural_errors(problem, u, smooth_covariance(problem, u))
    by_cluster = known * natural_errors(problem, u, smooth_covariance(problem, u, groups))
    names = problem.law.names
    found: dict[str, object] = {f"se_row_{key}": v for key, v in zip(names, by_row, strict=True)}
    found["cluster"] = name
    return found | {f"se_cluster_{key}": v for key, v in zip(names, by_cluster, strict=True)}


def _consequences(made: Fit, budget: float, targets: pl.DataFrame | None) -> dict[str, object]:
    """Compute-optimal tokens per parameter, and predictions."""
    found: dict[str, object] = {"tokens_per_param": _tokens_per_param(made, budget)}
    if targets is None:
        return found
    predicted = made.predict(law_inputs(targets, made.law))
    return found | dict(zip(prediction_columns(targets), predicted.tolist(), strict=True))


def _tokens_per_param(made: Fit, budget: float) -> float | None:
    if made.law.surface is None:
        return None
    with np.errstate(all="ignore"):
        params, tokens = compute_optimal(made.law, made.values, budget)
        return float(tokens / params)
