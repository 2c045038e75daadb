"""Benchmark scores of model families: shared slopes, one skill level a family (Sloth).

    y = g + (1 - g) / (1 + exp(-s)),    s = a_f + b_N n + b_D d + b_ND n d,
    n = ln(N/1e9),  d = ln(D/1e12)

f the family (same recipe and data), N params, D tokens, y accuracy as a fraction, g the level of
guessing. Families differ in how well they turn compute into skill, a_f; the slopes are common, so
one or two members place a family.

Source: Maia Polo et al. 2024, "Sloth: scaling laws for LLM skills to predict multi-benchmark
performance across families", arXiv:2412.06540; this is their law for one benchmark (one skill).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from scaling.laws._law import Array, Input, Law, Param


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
        example=example,
        assumes="slopes common to all families; scores of one set-up",
        fails="tuning on the benchmark; families whose data changed between sizes",
    )


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
