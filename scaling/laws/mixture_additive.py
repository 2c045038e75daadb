"""Loss on each validation domain by mixture, params and tokens, as a sum.

    L_i = E_i + 1 / (sum_j C_ij h_j**g_ij) + A_i / N**alpha_i + B_i / D**beta_i

h_j share of training domain j (they add to one), N params, D tokens, L_i loss on validation domain
i in nats per token. The mixture has a term of its own, so the best mixture is the same at every
size; `mixture_joint` lets it move.

Source: Shukor et al. 2025, "Scaling Laws for Optimal Data Mixtures", arXiv:2507.09404. They say
that 10 to 20 mixtures of small runs are enough.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from scaling.laws import _mixture_sizes as sizes
from scaling.laws._law import Law

TRUTH = {
    "E_loss": 1.2,
    "C_loss_code": 3.0,
    "g_loss_code": 0.4,
    "C_loss_web": 2.0,
    "g_loss_web": 0.7,
    "alpha_loss": 0.35,
    "A_loss": 300.0,
    "beta_loss": 0.3,
    "B_loss": 400.0,
}


def bind(runs: pl.DataFrame, target: str) -> Law:
    """The law of the domains of a table."""
    return sizes.of_table(FAMILY, runs, joint=False)


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Fifty mixtures of two domains at twelve sizes each."""
    exponents = {name: TRUTH[name] for name in ("alpha_loss", "beta_loss")}
    return sizes.example(rng, LAW, TRUTH), exponents


FAMILY = Law(
    name="mixture_additive",
    title="Data mixing with params and tokens, additive",
    formula="L_i = E_i + 1/(sum_j C_ij h_j^g_ij) + A_i/N^alpha_i + B_i/D^beta_i",
    citation="Shukor et al. 2025, arXiv:2507.09404",
    params=(),
    inputs=(),
    predict=sizes.predictor((), (), joint=False),
    bind=bind,
    example=example,
    kinds=("loss", "bits_per_byte"),
    question="mixtures",
    assumes="mixtures spread over the simplex, at several sizes; tokens mostly unique",
    fails="repeated small domains; a best mixture that moves with size",
)
LAW = sizes.bound(FAMILY, ("code", "web"), ("loss",), joint=False)
