"""Learning-rate annealing: the loss along a run from its learning rate.

    L = L0 + A S1^-alpha - C S2

S1 is the sum of the learning rate over the steps so far, S2 its annealing: the sum over steps of
m_i = lambda m_(i-1) + eta_(i-1) - eta_i, lambda = .999, counted from the end of the warm-up, where
the rate rises. A fall of the rate thus adds 1,000 times its size to S2, most of it in the next
1,000 steps. Both are computed from the columns step and lr (or lr_schedule), by run.

Source: Tissue et al. 2024, "Scaling Law with Learning Rate Annealing", arXiv:2408.11029. The value
of lambda is the default of a public reproduction; the paper's fitted constants were not at hand. On
27 curves of Luo et al. 2025 (three schedules fitted, six forecast) the law has R2 .998, .998, .997
at 25M, 100M and 400M params (tests/unit/laws/test_schedule_laws.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._falls import falls
from scaling.laws._law import Input, Law, Param
from scaling.laws._rates import given, has, of_runs, steps

MEMORY = 0.999


def predict(p: Any, x: Any) -> Array:
    """Loss after a summed rate and its annealing."""
    value: Array = p.L0 + p.A * np.exp(-p.alpha * np.log(x.lr_sum)) - p.C * x.lr_drop
    return value


def lr_sum(runs: pl.DataFrame) -> Array:
    """S1 of each row (rows,); a column of this name is S1 as it stands."""
    return given(runs, "lr_sum") if has(runs, "lr_sum") else _by_run(runs)[0]


def lr_drop(runs: pl.DataFrame) -> Array:
    """S2 of each row (rows,); a column of this name is S2 as it stands."""
    return given(runs, "lr_drop") if has(runs, "lr_drop") else _by_run(runs)[1]


def _by_run(runs: pl.DataFrame) -> tuple[Array, Array]:
    step, total, drop = steps(runs), np.empty(runs.height), np.empty(runs.height)
    for _, rows, schedule in of_runs(runs):
        cut = falls(schedule, float(step[rows].max()))
        total[rows] = cut.sums(step[rows])
        drop[rows] = cut.by_time(step[rows], -1.0 / np.log(MEMORY)) / (1.0 - MEMORY)
    return total, drop


LAW = Law(
    name="annealing",
    title="Learning-rate annealing",
    formula="L = L0 + A S1^-alpha - C S2",
    citation="Tissue et al. 2024, arXiv:2408.11029",
    params=(
        Param("L0", "nats/token", "loss that is left", start=(1.5, 4.0)),
        Param("A", "nats/token", "size of the power term at S1 = 1", start=(0.2, 2.0)),
        Param("alpha", "1", "exponent of the summed rate", start=(0.2, 1.0)),
        Param("C", "nats/token", "gain by one unit of annealing", start=(0.1, 1.5)),
    ),
    inputs=("lr_sum", "lr_drop"),
    question="rates",
    predict=predict,
    linear=("L0", "A", "C"),
    needs=(
        Input(
            "lr_sum", "learning rate x steps", "sum of the rate", typical=(0.3, 30.0), read=lr_sum
        ),
        Input(
            "lr_drop",
            "learning rate x steps",
            "annealing",
            low=-float("inf"),
            typical=(0.01, 0.3),
            read=lr_drop,
        ),
    ),
    span=(-float("inf"), float("inf")),
    monotone={"lr_sum": -1, "lr_drop": -1},
    kinds=("loss",),
    assumes="one model, data set and batch size; curves after the warm-up",
    fails="rates that fall to 0 within a few steps; a rate that rises again",
)
