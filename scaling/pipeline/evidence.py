"""What a fit stage adds for those who doubt it: profiles of parameters, and a panel of choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from scaling import laws
from scaling.fitting.diagnostics.exclusions import Exclusion
from scaling.fitting.diagnostics.sensitivity import panel
from scaling.fitting.engine import own_objective, prepare
from scaling.fitting.result import Fit
from scaling.fitting.solver.objective import Objective
from scaling.fitting.uncertainty.profile import profile_curve, profile_height
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
_KEPT = ("space", "loss", "delta", "lifted", "rows", "outcome", "tokens_per_param")


def profiles(
    runs: pl.DataFrame, fits: Sequence[Fit], aim: Objective, mixed: Sequence[str]
) -> list[dict[str, Any]]:
    """The profile of every free parameter of every law that has an objective.

    ``height90`` is the height at which a parameter leaves its 90 % profile interval.
    """
    made = []
    for one in fits:
        if one.law.estimate:
            continue
        problem = prepare(runs, one.law, objective=own_objective(one.law, aim.delta), mixed=mixed)
        u = problem.space.coordinates(one.theta[None])[0]
        curves = {name: profile_curve(problem, u, name) for name in problem.space.free}
        made.append(
            {
                "law": one.law.name,
                "height90": _short(profile_height(problem)),
                "parameters": {
                    name: {
                        "values": [_short(value) for value, _ in curve],
                        "heights": [_short(height) for _, height in curve],
                    }
                    for name, curve in curves.items()
                },
            }
        )
    return made


def sensitivity(rows: pl.DataFrame, study: Mapping[str, Any]) -> dict[str, Any] | None:
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
    choices = [
        {name: line[name] for name in _KEPT} | {"prediction": line["prediction_target"]}
        for line in table.to_dicts()
    ]
    return {"law": law.name, "target": TARGET, "choices": choices}


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
