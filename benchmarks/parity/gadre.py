"""Over-training law: five small runs a corpus forecast the large ones."""

from __future__ import annotations

import functools

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, of_metric
from scaling.fitting.engine import fit
from scaling.fitting.result import Fit
from scaling.fitting.solver.objective import Objective

# Params and tokens per param of the runs that the authors fit.
FITTED = ((10569312, 20), (78863360, 20), (153658368, 20), (411616256, 20), (10569312, 320))
PRINTED = {
    "c4_original": {"eta": 0.1212, "a": 141.28, "b": 189.52, "E": 1.5083},
    "rpj": {"eta": 0.1364, "a": 212.24, "b": 366.69, "E": 1.8366},
    "rw_original": {"eta": 0.1272, "a": 157.12, "b": 246.21, "E": 1.7345},
}
ROUNDING = "last printed digit"


def runs_of(corpus: str) -> pl.DataFrame:
    """All runs of one corpus with their loss on C4."""
    runs = of_metric("gadre-overtraining", "loss@c4-val")
    return runs.filter(pl.col("training_data") == corpus)


def small_runs(runs: pl.DataFrame) -> pl.DataFrame:
    """The five runs that the authors fit."""
    ratio = (pl.col("tokens") / pl.col("params")).round(1)
    size = pl.col("params")
    rule = pl.lit(False)
    for n, m in FITTED:
        rule = rule | (((size / n - 1.0).abs() < 0.05) & (ratio == m))
    return runs.filter(rule)


@functools.cache
def fitted(corpus: str) -> Fit:
    """Least squares of the raw loss, as the authors fit."""
    aim = Objective("least_squares", link="linear")
    return fit(small_runs(runs_of(corpus)), "over_training", objective=aim)


def constants(corpus: str) -> list[Figure]:
    """The four constants of the law."""
    made = fitted(corpus).values
    allowed = {"eta": 1e-4, "a": 0.6, "b": 1.2, "E": 1e-3}
    return [
        Figure(f"{name}, {corpus}", made[name], value, allowed[name], ROUNDING)
        for name, value in PRINTED[corpus].items()
    ]


def errors() -> list[Figure]:
    """Relative errors that the notebook scaling_explorer.ipynb prints for RedPajama."""
    runs = runs_of("rpj")
    found = []
    for what, n, m, printed in (
        ("1.4B, M = 640", 1.44e9, 640, 0.7103),
        ("6.9B, M = 20", 6.9e9, 20, 0.7320),
    ):
        near = ((pl.col("params") / n - 1).abs() < 0.01) & (
            (pl.col("tokens") / pl.col("params")).round(1) == m
        )
        one = runs.filter(near)
        x = {name: one[name].to_numpy().astype(float) for name in ("params", "tokens")}
        error = 100.0 * float(np.abs(fitted("rpj").predict(x)[0] / one["loss"][0] - 1.0))
        found.append(Figure(f"error of the loss, {what}, %", error, printed, 2e-4, ROUNDING))
    return found


def redpajama() -> list[Figure]:
    """Constants and printed errors."""
    return [*constants("rpj"), *errors()]


CITED = "Gadre et al. 2024, arXiv:2403.08540"
ENTRIES = (
    Entry(
        "gadre-c4", "over_training", "gadre-overtraining", CITED, lambda: constants("c4_original")
    ),
    Entry("gadre-rpj", "over_training", "gadre-overtraining", CITED, redpajama),
    Entry(
        "gadre-rw", "over_training", "gadre-overtraining", CITED, lambda: constants("rw_original")
    ),
)
