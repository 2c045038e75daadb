"""Vocabulary law with the authors' token counts (a slip of units) and with true ones."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, shared_table
from scaling.fitting.engine import fit
from scaling.fitting.result import Fit
from scaling.fitting.solver.objective import Objective

LEAST = 2.18e17  # FLOP, as in the authors' script
# Tokens a character as a quadratic in ln V; least squares of tokens / characters of the table.
SQUARE, LINEAR, LEVEL = 0.00639222, -0.15811069, 1.20470122
MILLION, BILLION = 1e6, 1e9


def fitted(words: float) -> Fit:
    """The law with alpha1 = beta; ``words`` is the unit of V in the authors' formula for tokens."""
    rows = shared_table("vocab-scaling").filter(pl.col("flops") >= LEAST)
    logs = (pl.col("vocab_size") / words).log()
    rows = rows.with_columns(
        params_vocab=pl.col("vocab_size") * pl.col("embed_dim"),
        tokens=pl.col("characters") * (SQUARE * logs**2 + LINEAR * logs + LEVEL),
    )
    aim = Objective(link="linear", delta=1e-3)
    return fit(rows, "vocabulary", objective=aim, tied={"beta": "alpha1"})


def figures() -> list[Figure]:
    """Constants in the authors' units: millions of params, billions of tokens."""
    made = fitted(1000.0)
    own = made.values
    stop = "the authors keep the start of least relative error, not the optimum"
    other = "optimum of a second implementation"
    alpha = own["alpha1"]
    true = fitted(1.0).values
    return [
        Figure("A1", own["A1"] / MILLION**alpha, 1.83139, 0.02, stop),
        Figure("A2", own["A2"] / MILLION ** own["alpha2"], 0.19584, 0.01, stop),
        Figure("B", own["B"] / BILLION**alpha, 2.12411, 0.02, stop),
        Figure("E", own["E"], 5.53278, 0.01, stop),
        Figure("alpha1 = beta", alpha, 0.44661, 0.005, stop),
        Figure("alpha2", own["alpha2"], 0.67074, 0.02, stop),
        Figure("objective", made.objective, 0.062291, 2e-6, other),
        Figure("alpha2, V in words", true["alpha2"], 1.06, 0.02, other),
        Figure("A2, V in words", true["A2"] / MILLION ** true["alpha2"], 0.13, 0.01, other),
        Figure("B, V in words", true["B"] / BILLION ** true["beta"], 1.33, 0.02, other),
    ]


def deviation() -> float:
    """Largest relative error of the tokens that the quadratic gives."""
    rows = shared_table("vocab-scaling")
    logs = np.log(rows["vocab_size"].to_numpy())
    tokens = rows["characters"].to_numpy() * (SQUARE * logs**2 + LINEAR * logs + LEVEL)
    return float(np.abs(tokens / rows["tokens"].to_numpy() - 1.0).max())


def tokens_formula() -> list[Figure]:
    """The formula for tokens holds with V in words, which shows the slip."""
    return [Figure("largest error of tokens by f(V)", deviation(), 0.0, 1e-5, "same formula")]


CITED = "Tao et al. 2024, arXiv:2407.13623, optimal_Nv_predict.py"
ENTRIES = (
    Entry(
        "vocabulary",
        "vocabulary",
        "vocab-scaling",
        CITED,
        figures,
        "the authors' formula for tokens takes V in words and is called with V in thousands",
        shared="vocab-scaling",
    ),
    Entry(
        "vocabulary-tokens",
        "vocabulary",
        "vocab-scaling",
        CITED,
        tokens_formula,
        "",
        "vocab-scaling",
    ),
)
