"""A model ladder: task accuracy of a large model from small ones, in two steps.

    L(N, D) = E + A / N**alpha + B / D**beta          task loss
    Acc(N, D) = c - a / (1 + exp(-k * (L(N, D) - L0)))  accuracy

N non-embedding params, D tokens, L the loss of the right answer (bits per byte), Acc a fraction.
The first step is fitted to final checkpoints, the second to every row and, as the authors do, one
made point: accuracy 1 at loss 0. Without it the ceiling follows the noise of the small runs: the
mean error on final runs alone is 12 %, with it 6 %. A table without a column ``checkpoint`` counts
as all final.

Source: Bhagia et al. 2024, "Establishing Task Scaling Laws via Compute-Efficient Model Ladders",
arXiv:2412.04403. From 16 runs of 190M to 1.3B params, mean relative errors for OLMo 2 13B on eight
tasks: 6.56 % for task loss (first step), 3.48 % for accuracy from the true task loss (second step),
6.04 % chained; and 13.9 % for one power law straight to accuracy.

Errors of both steps add: draws of the chain are resamples of both at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws import chinchilla, task_accuracy
from scaling.laws._law import Input, Law, Solve

FIRST, SECOND = chinchilla.LAW, task_accuracy.LAW


def predict(p: Any, x: Any) -> Array:
    """Accuracy at params N and tokens D."""
    loss = chinchilla.predict(p, x)
    value: Array = p.c - p.a * np.exp(-np.logaddexp(0.0, -p.k * (loss - p.L0)))
    return value


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """Both steps: Huber on logs for the loss, squares of raw values for the accuracy."""
    final = np.where(x["final"] > 0, w, 0.0)
    first = solve(FIRST, x, x["task_loss"], final)
    known = {"task_loss": np.append(x["task_loss"], 0.0)}
    second = solve(SECOND, known, np.append(y, 1.0), np.append(w, 1.0), "least_squares")
    return np.concatenate([first, second])


def is_final(runs: pl.DataFrame) -> Array:
    """1 for final checkpoints, 0 for others; all final where the table does not say."""
    if "checkpoint" not in runs.columns:
        return np.ones(runs.height)
    return (runs["checkpoint"] == "final").fill_null(value=True).cast(pl.Float64).to_numpy()


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Five sizes at seven token counts each, on a task with four answers."""
    truth = {"E": 0.35, "alpha": 0.3, "beta": 0.3, "c": 0.95, "a": 0.7, "k": 5.0, "L0": 0.9}
    n = np.repeat(np.geomspace(1e8, 3e9, 5), 7)
    d = np.tile(np.geomspace(2e9, 3e11, 7), 5)
    loss = truth["E"] + 150.0 * n ** -truth["alpha"] + 400.0 * d ** -truth["beta"]
    loss = loss * np.exp(5e-4 * rng.standard_normal(len(n)))
    share = 1.0 / (1.0 + np.exp(-truth["k"] * (loss - truth["L0"])))
    accuracy = truth["c"] - truth["a"] * share + 0.002 * rng.standard_normal(len(n))
    frame = pl.DataFrame({"params": n, "tokens": d, "task_loss": loss, "accuracy": accuracy})
    return frame, truth


LAW = Law(
    name="ladder",
    title="Model ladder: accuracy from N and D by way of task loss",
    formula="Acc = c - a / (1 + exp(-k (E + A/N^alpha + B/D^beta - L0)))",
    citation="Bhagia et al. 2024, arXiv:2412.04403",
    params=(*FIRST.params, *SECOND.params),
    inputs=("params", "tokens"),
    predict=predict,
    target="accuracy",
    link="linear",
    delta=1e-2,
    size="non_embedding",
    monotone={"params": 1, "tokens": 1},
    kinds=("accuracy", "score"),
    needs=(
        Input(
            "task_loss", "bits/byte", "loss of the right answer", typical=(0.3, 2.0), only_fit=True
        ),
        Input(
            "final",
            "",
            "1 for a finished run",
            columns=("checkpoint",),
            low=0.0,
            open_low=False,
            default=1.0,
            levels=1,
            typical=(1.0, 1.0),
            read=is_final,
            only_fit=True,
        ),
    ),
    estimate=estimate,
    example=example,
    question="tasks",
    assumes="one family of models and one data mix; tasks beyond guessing in the small runs",
    fails="tasks that the small runs only guess at; changes of recipe at the large scale",
)
