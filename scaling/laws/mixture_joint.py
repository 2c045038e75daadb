"""Loss on each validation domain by mixture, params and tokens, where the mixture matters for all.

    L_i = E_i + 1 / (sum_j C_ij h_j**g_ij) + (sum_j A_ij h_j)**gA_i / N**alpha_i
        + (sum_j B_ij h_j)**gB_i / D**beta_i

h_j share of training domain j (they add to one), N params, D tokens, L_i loss on validation domain
i in nats per token. With all A_ij equal, and all B_ij, this is `mixture_additive`; otherwise the
best mixture moves with N and D. gA_i and A_ij trade off where shares change little.

Source: Shukor et al. 2025, "Scaling Laws for Optimal Data Mixtures", arXiv:2507.09404. How the
mixture enters A and B is as the paper describes it, not checked against its text.
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
    "gA_loss": 0.8,
    "A_loss_code": 500.0,
    "A_loss_web": 2000.0,
    "beta_loss": 0.3,
    "gB_loss": 1.2,
    "B_loss_code": 200.0,
    "B_loss_web": 90.0,
}


def bind(runs: pl.DataFrame, target: str) -> Law:
    """The law of the domains of a table."""
    return sizes.of_table(FAMILY, runs, joint=True)


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Fifty mixtures of two domains at twelve sizes each."""
    exponents = {name: TRUTH[name] for name in ("alpha_loss", "beta_loss")}
    return sizes.example(rng, LAW, TRUTH), exponents


FAMILY = Law(
    name="mixture_joint",
    title="Data mixing with params and tokens, joint",
    formula="L_i = E_i + 1/(sum_j C_ij h_j^g_ij) + (sum_j A_ij h_j)^gA_i/N^alpha_i "
    "+ (sum_j B_ij h_j)^gB_i/D^beta_i",
    citation="Shukor et al. 2025, arXiv:2507.09404",
    params=(),
    inputs=(),
    predict=sizes.predictor((), (), joint=True),
    bind=bind,
    example=example,
    kinds=("loss", "bits_per_byte"),
    question="mixtures",
    assumes="mixtures spread over the simplex, at several sizes; tokens mostly unique",
    fails="repeated small domains; few mixtures (four parameters a training domain)",
)
LAW = sizes.bound(FAMILY, ("code", "web"), ("loss",), joint=True)
