"""Runs that a law made, with realistic noise."""

from __future__ import annotations

import numpy as np
import polars as pl

from scaling import laws

# Besiroglu et al. 2024, arXiv:2404.10102, table 1.
CHINCHILLA = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


def chinchilla_runs(rows: int = 24, noise: float = 0.003, seed: int = 0) -> pl.DataFrame:
    """Params, tokens and loss by the Chinchilla law."""
    rng = np.random.default_rng(seed)
    params = np.exp(rng.uniform(np.log(5e7), np.log(1e10), rows))
    tokens = np.exp(rng.uniform(np.log(1e9), np.log(3e11), rows))
    loss = laws.get("chinchilla")(CHINCHILLA, {"params": params, "tokens": tokens}).ravel()
    loss = loss * np.exp(noise * rng.standard_normal(rows))
    return pl.DataFrame({"params": params, "tokens": tokens, "loss": loss})
