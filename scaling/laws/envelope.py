"""Chinchilla, approach 1: the lower envelope of training curves.

    N*(C) = G C**a,    D*(C) = C / (6 N*)

Each run's loss is interpolated over log compute; at 1,500 values of compute the run of least loss
gives N*, and log N* is regressed on log C.

Source: Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", arXiv:2203.15556,
section 3.1 (a = .50). Unlike there, points where the smallest or the largest of all models is
best are left out: at the ends of the range the best size is only a bound.

Points along a curve are checkpoints within a schedule made for its end, so the envelope compares
unfinished runs with finished ones (Hoffmann et al. matched schedule and length).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws import _isoflop
from scaling.laws._law import Input, Law, Published, Solve

VALUES = 1500
PF_DAY = 8.64e19
POINTS = 3
# Sizes that must be best somewhere, beside the smallest and the largest of all.
SIZES = 3


def _codes(runs: pl.DataFrame) -> Array:
    if "run" not in runs.columns:
        raise InputError("missing column", column="run", allowed="which rows are one curve")
    return runs["run"].cast(pl.String).rank("dense").to_numpy().astype(np.float64)


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """(G, a) of the line through the sizes on the envelope."""
    logs = np.log(x["flops"])
    curves = _curves(x, logs, w)
    grid = np.linspace(logs.min(), logs.max(), VALUES)
    loss = np.full((len(curves), VALUES), np.inf)
    size = np.array([np.log(x["params"][rows]).mean() for rows in curves])
    for k, rows in enumerate(curves):
        inside = (grid >= logs[rows[0]]) & (grid <= logs[rows[-1]])
        loss[k, inside] = np.interp(grid[inside], logs[rows], y[rows])
    best = size[loss.argmin(axis=0)]
    known = np.isfinite(loss.min(axis=0)) & (best > size.min()) & (best < size.max())
    if len(np.unique(best[known])) < SIZES:
        raise InputError(
            "sizes on the envelope", value=len(np.unique(best[known])), allowed=f"at least {SIZES}"
        )
    return _isoflop.line(grid[known], best[known])


def _curves(x: Mapping[str, Array], logs: Array, w: Array) -> list[NDArray[np.int64]]:
    """Rows of each curve of at least three points, by compute."""
    order = np.lexsort((logs, x["run"]))
    order = order[w[order] > 0]
    starts = np.flatnonzero(np.diff(x["run"][order])) + 1
    curves = [rows for rows in np.split(order, starts) if len(np.unique(logs[rows])) >= POINTS]
    if len(curves) < SIZES + 2:
        raise InputError(
            "training curves of three points or more", value=len(curves), allowed=f"{SIZES + 2}"
        )
    return curves


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, Mapping[str, float]]:
    """Sixty curves of an approach 3 law with exponents .34 and .28."""
    rows = []
    for k, n in enumerate(np.geomspace(1e7, 3e10, 60)):
        for d in np.geomspace(2.0, 300.0, 40) * n:
            loss = 1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28
            rows.append((f"run{k}", 6 * n * d, n, d, loss * np.exp(2e-4 * rng.standard_normal())))
    names = ["run", "flops", "params", "tokens", "loss"]
    return pl.DataFrame(rows, schema=names, orient="row"), {"a": 0.28 / 0.62}


LAW = Law(
    name="envelope",
    title="Envelope of training curves (approach 1)",
    formula="N* = G C^a from the run of least loss at each C",
    citation="Hoffmann et al. 2022, arXiv:2203.15556, section 3.1",
    params=_isoflop.PARAMS,
    inputs=("flops",),
    predict=_isoflop.predict,
    estimate=estimate,
    example=example,
    needs=(
        *_isoflop.COMPUTE_AND_SIZE,
        Input("run", meaning="which rows are one curve", read=_codes, only_fit=True),
    ),
    kinds=("loss", "bits_per_byte"),
    output="compute-optimal params",
    published=(
        Published(
            paper="hoffmann2022",
            citation="Hoffmann et al. 2022, arXiv:2203.15556, table 2 and table 3",
            data="the authors' runs, 70M to more than 16B params",
            values={"G": 67e9 / 5.76e23**0.50, "a": 0.50},
            note="printed: a = .50 (.488 to .502), and 67e9 params at 5.76e23 FLOP, from which G "
            "follows; the other sizes of table 3 are met to 4 %",
            caveat="The frontier bends: at large budgets even smaller models may be optimal "
            "(Hoffmann et al. 2022, arXiv:2203.15556, appendix E).",
            size="total",
            secondary=True,
        ),
        Published(
            paper="kaplan2020",
            citation="Kaplan et al. 2020, arXiv:2001.08361, section 6 and table 6",
            data="the authors' runs on WebText2, 768 to 1.5e9 params without embeddings",
            values={"G": 1.3e9 * (2.0 * PF_DAY) ** -0.73, "a": 0.73},
            note="printed: N* = 1.3e9 C_min^.73 in PF-days, D* = 2e10 C_min^.27; C here is 2 C_min "
            "(training at the critical batch), by which both hold at 6ND = C to 11 %; with C = "
            "C_min N* is 1.66 times larger",
            caveat="The exponent is too high: small models, counted without embeddings (Pearce "
            "and Song 2024, arXiv:2406.12907), the last layer's compute left out, warm-up too "
            "long, hyperparameters not tuned for each size; corrected, it is .50 (Porian et al. "
            "2024, arXiv:2406.19146).",
            size="non_embedding",
            secondary=True,
            lead=True,
        ),
    ),
    approach="1, envelope of curves",
    roles={"exponents": 1},
    question="budgets",
    assumes="many sizes, each with a curve that crosses its neighbours'",
    fails="few sizes; curves that stop before they cross",
)
