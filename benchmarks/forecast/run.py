"""Run tasks at default settings, beside the baselines that people use."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from benchmarks.forecast.choices import OWN, Found, errors
from benchmarks.forecast.tasks import Task
from benchmarks.forecast.tune import LEVELS, Scored
from scaling.fitting.data import log_size
from scaling.fitting.engine import fit
from scaling.forecasting import curves, two_inputs
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.inputs import observed_scale
from scaling.forecasting.law_ensemble import tail_power_law

NEAREST = 1e-9
# Without the network.
SHAPES = replace(curves.Constants(), network_share=0.0)


@dataclass(frozen=True)
class Result:
    """One row a task; what the constants of the spread are tuned on; and of curves, the error by
    every choice of the constants of the centre."""

    table: pl.DataFrame
    scored: list[Scored]
    choices: list[Found]


def run(tasks: Iterable[Task]) -> Result:
    """Every task at default settings."""
    rows, scored, choices = [], [], []
    for task in tasks:
        row, one, by_choice = _run(task)
        rows.append(row)
        scored.append(one)
        if by_choice is not None:
            choices.append(Found(OWN, task.group, by_choice))
    return Result(pl.DataFrame(rows, infer_schema_length=None), scored, choices)


def _run(task: Task) -> tuple[dict[str, object], Scored, np.ndarray | None]:
    x, at = (part.select(task.inputs).to_numpy() for part in (task.runs, task.at))
    size = log_size({name: task.runs[name].to_numpy() for name in task.inputs})
    y, increasing = observed_scale(task.runs, task.target, size)
    y = 1.0 - y if increasing else y
    began = time.process_time()
    fitted = None
    if len(task.inputs) == 1:
        fitted = curves.fit_shapes(x[:, 0], y, at[:, 0])
        made = curves.combine(fitted, curves.Constants())
        location, parts, spread = made.location, curves.features(made), curves.spread(made)
    else:
        law, where = two_inputs.coupled_model(x, y), np.log(at)
        location, parts = law.location(where), law.features(where)
        spread = law.scale(where), two_inputs.DEGREES
    seconds = time.process_time() - began
    forecast = Predictive(location, *spread, increasing=increasing)
    observed = np.exp(task.truth)
    truth = np.log(_on_scale(observed, increasing))
    row = {
        "group": task.group,
        "task": task.name,
        "runs": len(y),
        "targets": len(at),
        **scores(forecast, observed),
        **_baselines(task, y, truth),
        "seconds": round(seconds, 3),
    }
    by_choice = None
    if fitted is not None:
        by_choice = errors(fitted, truth)
        row["shapes_alone"] = _root(curves.combine(fitted, SHAPES).location - truth)
        row["network_alone"] = _root(fitted.network.value - truth)
    return row, Scored(task.group, parts, truth - location), by_choice


def scores(made: Predictive, observed: np.ndarray) -> dict[str, float]:
    """Errors of the centre in logs, mean log score, and the share inside each central interval."""
    outcome = _on_scale(observed, made.increasing)
    made = replace(made, increasing=False)
    error, rank = made.location - np.log(outcome), made.rank(outcome)
    return {
        "rmsle": _root(error),
        "mean_abs": float(np.mean(np.abs(error))),
        "bias": float(np.mean(error)),
        "log_score": float(np.mean(made.log_score(outcome))),
        **{f"in{100 * q:g}": float(np.mean(np.abs(rank - 0.5) <= q / 2)) for q in LEVELS},
    }


def _on_scale(observed: np.ndarray, increasing: bool) -> np.ndarray:
    """The outcome as it is forecast: of a growing share its distance from 1, kept off 0."""
    return np.maximum(1.0 - observed, NEAREST) if increasing else observed


def _baselines(task: Task, y: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    """Root mean square errors of carrying the last value and of the tail power law; mean absolute
    error of plain Chinchilla where there are two inputs."""
    size, far = (
        log_size({n: part[n].to_numpy() for n in task.inputs}) for part in (task.runs, task.at)
    )
    last = np.log(y[np.argsort(size, kind="stable")[-1]])
    tail = tail_power_law(size, np.log(y), far)
    found: dict[str, float | None] = {
        "carry_last": _root(last - truth),
        "tail_power_law": _root(tail - truth),
        "chinchilla": None,
    }
    if len(task.inputs) == 2:
        by = dict(zip(("params", "tokens"), task.inputs, strict=True))
        runs = task.runs.with_columns(pl.Series(task.target, y))
        made = fit(runs, "chinchilla", target=task.target, inputs=by)
        value = np.log(
            made.predict({name: task.at[column].to_numpy() for name, column in by.items()})
        )
        found["chinchilla"] = float(np.mean(np.abs(value - truth)))
    return found


def _root(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))
