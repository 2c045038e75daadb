"""Benchmark scores of model families: shared slopes, one skill level a family (Sloth).

    y = g + (1 - g) / (1 + exp(-s)),    s = a_f + b_N n + b_D d + b_ND n d,
    n = ln(N/1e9),  d = ln(D/1e12)

f the family (same recipe and data), N params, D tokens, y accuracy as a fraction, g the level of
guessing. Families differ in how well they turn compute into skill, a_f; the slopes are common, so
one or two members place a family. Least squares of raw scores.

Source: Maia Polo et al. 2024, "Sloth: scaling laws for LLM skills to predict multi-benchmark
performance across families", arXiv:2412.06540; this is their law for one benchmark (one skill).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Solve
from scaling.laws._marquardt import descend

# Levels of guessing tried, as shares of the lowest score, and how far inside 0 and 1 scores count.
GUESSING = (0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92, 0.97)
EDGE = 1e-3


def make(families: tuple[str, ...]) -> Law:
    """The law of these families."""

    def predict(p: Any, x: Any) -> Array:
        size, data = np.log(x.params / 1e9), np.log(x.tokens / 1e12)
        skill = p.b_N * size + p.b_D * data + p.b_ND * (size * data)
        for i, name in enumerate(families):
            skill = skill + getattr(p, f"a_{name}") * np.asarray(x.family == i, dtype=np.float64)
        share = np.exp(-np.logaddexp(0.0, -skill))
        value: Array = p.g + (1.0 - p.g) * share
        return value

    def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
        return _estimate(x, y, w, len(families))

    return Law(
        name="families",
        title="Benchmark scores of model families",
        formula="y = g + (1-g) sigmoid(a_f + b_N ln N + b_D ln D + b_ND ln N ln D)",
        citation="Maia Polo et al. 2024, arXiv:2412.06540",
        params=(
            Param("g", "fraction", "level of guessing", "unit", start=(0.02, 0.4)),
            Param("b_N", "1", "slope in log params", "real", start=(0.1, 0.8)),
            Param("b_D", "1", "slope in log tokens", "real", start=(0.1, 0.8)),
            Param("b_ND", "1", "interaction", "real", start=(-0.05, 0.05)),
            *(
                Param(f"a_{name}", "1", f"skill of {name}", "real", start=(-2.0, 2.0))
                for name in families
            ),
        ),
        inputs=("params", "tokens", "family"),
        predict=predict,
        target="accuracy",
        link="linear",
        delta=1e-2,
        span=(0.0, 1.0),
        kinds=("accuracy", "score"),
        needs=(
            Input(
                "family",
                "",
                "models of one recipe",
                values=families,
                levels=1,
                typical=(0.0, float(len(families) - 1)),
            ),
        ),
        bind=bind,
        estimate=estimate,
        example=example,
        question="tasks",
        assumes="slopes common to all families; scores of one set-up",
        fails="tuning on the benchmark; families whose data changed between sizes",
    )


def _estimate(x: Mapping[str, Array], y: Array, w: Array, count: int) -> Array:
    """Least squares of raw scores for several levels of guessing; the best of them wins."""
    kept = w > 0
    size, data = np.log(x["params"][kept] / 1e9), np.log(x["tokens"][kept] / 1e12)
    place = x["family"][kept].astype(np.int64)
    basis = np.column_stack([size, data, size * data, np.eye(count)[place]])
    y, w = y[kept], w[kept]
    best, least = np.full(4 + count, np.nan), np.inf
    for share in GUESSING:
        g = share * max(float(y.min()), 0.0)
        u, total = _levels(basis, y, w, g)
        if total < least:
            best, least = np.array([np.clip(g, 1e-9, 1.0 - 1e-9), *u]), total
    return best


def _levels(basis: Array, y: Array, w: Array, g: float) -> tuple[Array, float]:
    """Slopes and levels (3 + families) at one level of guessing, and the sum of squares."""

    def miss(u: Array) -> tuple[Array, Array]:
        share = 1.0 / (1.0 + np.exp(-np.clip(basis @ u, -60.0, 60.0)))
        return g + (1.0 - g) * share - y, ((1.0 - g) * share * (1.0 - share))[:, None] * basis

    share = np.clip((y - g) / (1.0 - g), EDGE, 1.0 - EDGE)
    root = np.sqrt(w) * share * (1.0 - share)
    odds = np.log(share) - np.log1p(-share)
    line, *_ = np.linalg.lstsq(basis * root[:, None], odds * root, rcond=None)
    return descend(miss, np.asarray(line, dtype=np.float64), w)


def bind(runs: pl.DataFrame, target: str) -> Law:
    """The law of the families of a table."""
    if "family" not in runs.columns:
        return LAW
    return make(tuple(sorted(runs["family"].drop_nulls().unique().to_list())))


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Two families of twelve models each, scored to about one point."""
    truth = {"g": 0.25, "b_N": 0.5, "b_D": 0.4, "b_ND": 0.03, "a_one": 0.4, "a_two": -0.6}
    size = np.tile(np.geomspace(1e8, 7e10, 12), 2)
    data = np.exp(rng.uniform(np.log(1e11), np.log(1e13), 24))
    second = np.repeat([0.0, 1.0], 12)
    y = LAW(truth, {"params": size, "tokens": data, "family": second})
    frame = pl.DataFrame(
        {
            "params": size,
            "tokens": data,
            "family": np.where(second > 0, "two", "one"),
            "accuracy": y + 0.002 * rng.standard_normal(24),
        }
    )
    return frame, {name: truth[name] for name in ("b_N", "b_D", "a_one", "a_two")}


LAW = make(("one", "two"))
