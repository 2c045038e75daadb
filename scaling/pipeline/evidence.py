"""What a fit stage adds for those who doubt it: profiles of parameters, and a panel of choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from scaling import laws
from scaling.fitting.diagnostics.exclusions import Exclusion
from scaling.fitting.diagnostics.sensitivity import panel
from scaling.fitting.engine import default_objective, prepare
from scaling.fitting.result import Fit
from scaling.fitting.solver.objective import Objective
from scaling.fitting.study_record import Choice, LawProfiles, ProfileCurve, Sensitivity
from scaling.fitting.uncertainty.profile import profile_curves, profile_height
from scaling.runs.studies import of_metric

# Six of the twelve objectives of `scaling sensitivity`: the ends and the middle of Huber's delta.
OBJECTIVES = (
    *(Objective(delta=delta) for delta in (1e-5, 1e-3, 1e-1)),
    Objective(kind="least_squares"),
    Objective(link="linear", delta=1e-3),
    Objective(kind="least_squares", link="linear"),
)
# Chinchilla's own run (Hoffmann et al. 2022, arXiv:2203.15556), as a target that every study has.
TARGET = {"params": 7.0e10, "tokens": 1.4e12}
DIGITS = 6


def profiles(
    runs: pl.DataFrame, fits: Sequence[Fit], aim: Objective, mixed: Sequence[str]
) -> tuple[LawProfiles, ...]:
    """The profile of every free parameter of every law that has an objective."""
    found = []
    for one in fits:
        if one.law.estimate:
            continue
        problem = prepare(
            runs, one.law, objective=default_objective(one.law, aim.delta), mixed=mixed
        )
        u = problem.space.coordinates(one.theta[None])[0]
        curves = {name: _curve(pairs) for name, pairs in profile_curves(problem, u).items()}
        found.append(LawProfiles(one.law.name, _short(profile_height(problem)), curves))
    return tuple(found)


def _curve(points: Iterable[tuple[float, float]]) -> ProfileCurve:
    pairs = list(points)
    values, heights = (tuple(_short(pair[i]) for pair in pairs) for i in (0, 1))
    return ProfileCurve(values, heights)


def sensitivity(rows: pl.DataFrame, study: Mapping[str, Any]) -> Sensitivity | None:
    """The study's first law under other objectives, with each exclusion lifted, at `TARGET`.

    None for a law with its own procedure, or whose inputs are not params and tokens.
    """
    law = laws.get(study["laws"][0])
    if law.estimate or set(law.inputs) != set(TARGET):
        return None
    candidates = of_metric(rows, study["metric"]).with_columns(loss=pl.col("value"))
    rules = [Exclusion.of(rule) for rule in study.get("exclude", [])]
    target = pl.DataFrame({name: [value] for name, value in TARGET.items()} | {"name": ["target"]})
    with np.errstate(over="ignore"):
        table = panel(candidates, law, rules=rules, targets=target, objectives=OBJECTIVES)
    return Sensitivity(law.name, TARGET, tuple(map(_choice, table.to_dicts())))


def _choice(line: Mapping[str, Any]) -> Choice:
    names = ("space", "lifted", "rows", "outcome", "tokens_per_param", "delta")
    same = {name: line[name] for name in names}
    return Choice(kind=line["loss"], prediction=line["prediction_target"], **same)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
