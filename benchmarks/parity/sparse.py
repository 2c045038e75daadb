"""Sparsely connected models: the authors' constants on their runs, and our own fit."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, shared_table
from scaling import laws
from scaling.arrays import Array
from scaling.fitting.engine import fit
from scaling.fitting.solver.objective import Objective

LAW = laws.get("sparse_connected")
T5, VIT = (dict(one.values) for one in LAW.published)


def huber(residuals: Array, delta: float) -> float:
    """Mean Huber loss as the authors take it: r^2/2, beyond the corner delta (|r| - delta/2)."""
    size = np.abs(residuals)
    return float(np.mean(np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))))


def runs(file: str, data: str) -> pl.DataFrame:
    """The runs with the law's inputs; ``data`` is the column of tokens or images."""
    table = shared_table("sparse-frantar", file)
    return table.with_columns(tokens=pl.col(data).cast(pl.Float64), loss=pl.col("val-loss"))


def t5() -> list[Figure]:
    """48 sparse T5, residuals of log loss; the authors' fit is not the optimum."""
    table = runs("t5.csv", "tokens")
    x = {name: table[name].to_numpy() for name in LAW.inputs}
    y = table["loss"].to_numpy()
    far = {"params_nonzero": [48 * 12 * 1024.0**2], "tokens": [5e5 * 65536], "sparsity": [0.75]}
    printed = huber(np.log(LAW(T5, x)) - np.log(y), 1e-3)
    made = fit(table, LAW, objective=Objective(delta=1e-3))
    ours = huber(np.log(made.predict(x)) - np.log(y), 1e-3)
    why = "constants of three digits"
    lower = "the authors' is a local optimum; three values of D leave b_D open"
    return [
        Figure("mean Huber of the printed constants, T5", printed, 7.6036e-6, 4e-8, why),
        Figure("mean Huber at our optimum, T5", ours, 7.6036e-6, 2.8e-6, lower),
        Figure("75 % sparse T5 held out", float(LAW(T5, far)[0]), 1.4683, 1e-3, why),
    ]


def vit() -> list[Figure]:
    """112 sparse ViT, residuals of loss; our fit finds the authors' optimum."""
    table = runs("vit.csv", "total_examples")
    x = {name: table[name].to_numpy() for name in LAW.inputs}
    y = table["loss"].to_numpy()
    made = fit(table, LAW, objective=Objective(link="linear", delta=1e-2))
    names = {"a_S": 0.5, "b_S": 5e-4, "c_S": 0.5, "b_N": 5e-4, "b_D": 5e-4, "c": 5e-4}
    found = [
        Figure(f"{name}, ViT", made.values[name], VIT[name], most, "last printed digit")
        for name, most in names.items()
    ]
    ours = huber(made.predict(x) - y, 1e-2)
    return [*found, Figure("mean Huber, ViT", ours, 4.92909e-4, 1e-9, "same optimum")]


ENTRIES = tuple(
    Entry(
        f"sparse-{name}",
        "sparse_connected",
        "sparse-frantar",
        "Frantar et al. 2023, arXiv:2309.08520",
        measure,
        note,
        shared="sparse-frantar",
    )
    for name, measure, note in (
        ("t5", t5, "corner 1e-3 on log loss; measured on the run held out: 1.4828, ours 1.4551"),
        ("vit", vit, "corner 1e-2 on loss; D in images"),
    )
)
