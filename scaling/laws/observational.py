"""Observational law: benchmarks give a capability, compute gives the capability, it gives a task.

    S_m = sum_j l_j (B_mj - mean_j)              first principal component of the benchmark scores
    S_m = a_f + b_f ln(C_m / 1e21)               for models m of family f
    y_m = h / (1 + exp(-(u + w S_m)))            the task

B_mj score of model m on benchmark j (fractions), C training compute in FLOP, y the task's score.
Benchmarks are every column of numbers that `scaling.runs.schema` does not know, except the target;
they are read only to fit. To predict, family and compute are enough. Families with fewer than three
models take the slope of all.

Source: Ruan et al. 2024, "Observational Scaling Laws and the Predictability of Language Model
Performance", arXiv:2405.10938. The paper's first component carries about 80 % of the variance and
three about 97 % (read in a secondary source); docs/families.md has ours, on 148 base models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Input, Law, Param, Solve

# Scores at 0 or 1 have no log-odds: they count as this far inside.
EDGE = 1e-3
C0 = 1e21


def components(scores: Array, w: Array | None = None) -> tuple[Array, Array, Array]:
    """Principal components of (models, benchmarks) scores, centred, not scaled.

    Returns:
        Means (benchmarks,), loadings (benchmarks, benchmarks) by column with a positive sum of the
        first, and each component's share of the variance.
    """
    weight = np.ones(len(scores)) if w is None else w
    mean = np.average(scores, axis=0, weights=weight)
    centred = (scores - mean) * np.sqrt(weight / weight.sum())[:, None]
    _, sizes, rows = np.linalg.svd(centred, full_matrices=False)
    loadings = rows.T * np.where(rows.sum(axis=1) < 0, -1.0, 1.0)
    return mean, loadings, sizes**2 / np.sum(sizes**2)


def make(families: tuple[str, ...], benchmarks: tuple[str, ...]) -> Law:
    """The law of these families and benchmarks."""

    def predict(p: Any, x: Any) -> Array:
        capability: Any = 0.0
        logs = np.log(x.flops / C0)
        for i, name in enumerate(families):
            here = np.asarray(x.family == i, dtype=np.float64)
            line = getattr(p, f"a_{name}") + getattr(p, f"b_{name}") * logs
            capability = capability + here * line
        value: Array = p.h * np.exp(-np.logaddexp(0.0, -(p.u + p.w * capability)))
        return value

    def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
        scores = np.stack([x[f"score_{name}"] for name in benchmarks], axis=1)
        mean, loadings, _ = components(scores, w)
        capability = (scores - mean) @ loadings[:, 0]
        task = _task(capability, y, w)
        lines = _lines(np.log(x["flops"] / C0), capability, x["family"], w, len(families))
        return np.concatenate([task, lines.ravel()])

    return Law(
        name="observational",
        title="Observational law through a capability",
        formula="y = h sigmoid(u + w S), S = a_f + b_f ln C from principal components",
        citation="Ruan et al. 2024, arXiv:2405.10938",
        params=(
            Param("h", "fraction", "ceiling", "unit", start=(0.7, 0.99)),
            Param("u", "1", "log-odds at mean capability", "real", start=(-1.0, 1.0)),
            Param("w", "1", "log-odds per unit of capability", "real", start=(1.0, 6.0)),
            *(
                Param(f"{letter}_{name}", "capability", f"{what} of {name}", "real", start=ends)
                for name in families
                for letter, what, ends in (
                    ("a", "level", (-0.3, 0.3)),
                    ("b", "slope per e-fold", (0.02, 0.15)),
                )
            ),
        ),
        inputs=("flops", "family"),
        predict=predict,
        target="accuracy",
        link="linear",
        delta=1e-2,
        span=(0.0, 1.0),
        kinds=("accuracy", "score"),
        needs=(
            Input("flops", "FLOP", "training compute", typical=(1e20, 1e24)),
            Input(
                "family",
                "",
                "models of one recipe",
                values=families,
                levels=1,
                typical=(0.0, float(len(families) - 1)),
            ),
            *(
                Input(
                    f"score_{name}",
                    "fraction",
                    f"score on {name}",
                    columns=(name,),
                    low=0.0,
                    open_low=False,
                    high=1.0,
                    typical=(0.2, 0.8),
                    only_fit=True,
                )
                for name in benchmarks
            ),
        ),
        bind=bind,
        estimate=estimate,
        example=example,
        question="tasks",
        assumes="benchmarks measured alike; compute known; one capability behind them",
        fails="tuning on benchmarks; tasks that need what the benchmarks do not measure",
    )


def bind(runs: pl.DataFrame, target: str) -> Law:
    """The law of a table's families and benchmarks."""
    from scaling.runs.schema import RUN

    known = {column.name for column in RUN} | {target, "x"}
    found = [n for n in runs.columns if n not in known and runs[n].dtype.is_numeric()]
    if len(found) < 2:
        raise InputError(
            "too few benchmark columns", value=len(found), allowed=">= 2 columns of scores"
        )
    families = runs["family"].drop_nulls().unique().to_list() if "family" in runs.columns else []
    return make(tuple(sorted(families)) or ("one",), tuple(found))


def _task(capability: Array, y: Array, w: Array) -> Array:
    """(h, u, w) with the ceiling at the largest score or 1, by weighted log-odds."""
    best, least = np.full(3, np.nan), np.inf
    for ceiling in np.linspace(max(float(y.max()) + EDGE, 0.3), 1.0, 12):
        share = np.clip(y / ceiling, EDGE, 1.0 - EDGE)
        odds = np.log(share) - np.log1p(-share)
        root = np.sqrt(w * share * (1.0 - share))
        table = np.stack([np.ones_like(y), capability], axis=1)
        line, *_ = np.linalg.lstsq(table * root[:, None], odds * root, rcond=None)
        made = ceiling / (1.0 + np.exp(-np.clip(table @ line, -60.0, 60.0)))
        total = float(np.sum(w * (made - y) ** 2))
        if total < least:
            best, least = np.array([min(ceiling, 1.0 - 1e-9), *line]), total
    return best


def _lines(logs: Array, capability: Array, family: Array, w: Array, count: int) -> Array:
    """(a, b) of each family (count, 2); the common slope where a family has few models."""
    own = np.array([np.sum((family == i) & (w > 0)) for i in range(count)])
    mean_x = np.array([_mean(logs, w, family == i) for i in range(count)])
    mean_s = np.array([_mean(capability, w, family == i) for i in range(count)])
    at = family.astype(np.int64)
    dx, ds = logs - mean_x[at], capability - mean_s[at]
    common = np.sum(w * dx * ds) / max(float(np.sum(w * dx * dx)), 1e-12)
    out = np.empty((count, 2))
    for i in range(count):
        rows = family == i
        spread = float(np.sum(w[rows] * dx[rows] ** 2))
        enough = own[i] >= 3 and spread > 1e-9
        slope = float(np.sum(w[rows] * dx[rows] * ds[rows])) / spread if enough else common
        out[i] = mean_s[i] - slope * mean_x[i], slope
    return out


def _mean(values: Array, w: Array, rows: Array) -> float:
    total = float(np.sum(w[rows]))
    return float(np.sum(w[rows] * values[rows]) / total) if total > 0 else 0.0


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Two families of ten models on three benchmarks that follow one capability."""
    truth = {"w": 4.0, "b_one": 0.08, "b_two": 0.06}
    flops = np.tile(np.geomspace(1e20, 3e24, 10), 2)
    second = np.repeat([0.0, 1.0], 10)
    logs = np.log(flops / C0)
    slope = np.where(second > 0, truth["b_two"], truth["b_one"])
    capability = slope * logs - np.where(second > 0, 0.1, 0.0)
    capability = capability - capability.mean() + 0.002 * rng.standard_normal(20)
    loadings = np.array([0.6, 0.64, 0.48])
    scores = 0.5 + capability[:, None] * loadings + 0.002 * rng.standard_normal((20, 3))
    y = 1.0 / (1.0 + np.exp(-truth["w"] * capability)) + 0.002 * rng.standard_normal(20)
    frame = pl.DataFrame(
        {"flops": flops, "family": np.where(second > 0, "two", "one"), "accuracy": y}
    )
    columns = {name: scores[:, i] for i, name in enumerate(("first", "second", "third"))}
    return frame.with_columns(**{n: pl.Series(v) for n, v in columns.items()}), truth


LAW = make(("one", "two"), ("first", "second", "third"))
