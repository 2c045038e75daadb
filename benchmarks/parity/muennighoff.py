"""Data-constrained law on the authors' 182 runs with their base fixed."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, of_metric
from scaling.fitting.engine import fit
from scaling.fitting.result import Fit
from scaling.laws import get
from scaling.laws.data_constrained import BASE

STARTS = {"published": (15.4, 5.3), "better": (47.0, 2.3), "best": (95.0, 1.7)}


def kept_runs() -> pl.DataFrame:
    """The 182 runs that the authors fit."""
    runs = of_metric("muennighoff-datablations", "loss@c4-val")
    return runs.filter(pl.col("flags").fill_null("").str.contains("in_fit_182"))


def explained(scales: tuple[float, float]) -> float:
    """R2 of the loss under the base with these scales; very large ones mean no decay."""
    runs = kept_runs()
    values = {**BASE, "RD": scales[0], "RN": scales[1]}
    x = {name: runs[name].to_numpy() for name in ("params", "tokens", "tokens_unique")}
    loss = runs["loss"].to_numpy()
    off = get("data_constrained")(values, x).reshape(-1) - loss
    return float(1.0 - np.sum(off**2) / np.sum((loss - loss.mean()) ** 2))


def fitted(start: tuple[float, float]) -> Fit:
    """The two scales from one start, base fixed."""
    begin = {**BASE, "RD": start[0], "RN": start[1]}
    return fit(kept_runs(), "data_constrained", fixed=BASE, start=begin)


def figures() -> list[Figure]:
    """The published local optimum, its objective, and the two better ones."""
    made = {name: fitted(start) for name, start in STARTS.items()}
    local, better, best = (made[name] for name in STARTS)
    stop = "the published stop is .00000000467 above the local optimum"
    other = "optimum of a second implementation, four digits"
    return [
        Figure("R_D*, local optimum", local.values["RD"], 15.387756, 0.05, stop),
        Figure("R_N*, local optimum", local.values["RN"], 5.309743, 0.02, stop),
        Figure("objective, local optimum", local.objective, 0.0158259366, 1e-8, stop),
        Figure("objective, better optimum", better.objective, 0.0158074, 1e-7, other),
        Figure("R_D*, better optimum", better.values["RD"], 46.99, 0.5, other),
        Figure("R_N*, better optimum", better.values["RN"], 2.33, 0.02, other),
        Figure("objective, best optimum", best.objective, 0.0158047, 1e-7, other),
        Figure("R_D*, best optimum", best.values["RD"], 95.4, 1.0, other),
        Figure("R_N*, best optimum", best.values["RN"], 1.71, 0.02, other),
        Figure("R2 without decay", explained((1e9, 1e9)), 0.4452, 6e-5, "last printed digit"),
        Figure(
            "R2 with decay", explained((15.387756, 5.309743)), 0.7722, 6e-5, "last printed digit"
        ),
    ]


ENTRIES = (
    Entry(
        "muennighoff",
        "data_constrained",
        "muennighoff-datablations",
        "Muennighoff et al. 2023, arXiv:2305.16264, parametric_fit.ipynb",
        figures,
        "the published pair is a local optimum; R_D* is not determined above about 15",
    ),
)
