"""Sparse autoencoders: reconstruction error by number of latents and of active latents.

    L = exp(alpha + b_k ln k + b_n ln n + g ln k ln n) + exp(zeta + eta ln k)

n latents, k of them active for a token (TopK), L normalised mean squared error. The second part is
what no number of latents removes.

Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders", arXiv:2406.04093; constants
as a text that quotes them gives them. Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param, Published

# Exponents are of e to this at most, so that no start overflows.
MOST = 600.0


def predict(p: Any, x: Any) -> Array:
    """Normalised mean squared error at n latents of which k are active."""
    k, n = np.log(x.latents_active), np.log(x.latents)
    first = np.exp(np.minimum(p.alpha + p.b_k * k + p.b_n * n + p.g * (k * n), MOST))
    value: Array = first + np.exp(np.minimum(p.zeta + p.eta * k, MOST))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """For several floors the other four follow from a line in logs."""
    k, n = np.log(x["latents_active"]), np.log(x["latents"])
    theta = fill({"zeta": (0.02, 0.98), "eta": (-0.6, 0.1)}, LAW.names, 60)
    columns = np.stack([np.ones_like(k), k, n, k * n], axis=1)
    for row in theta:
        # The floor passes below every error, at this share of the closest.
        row[4] = np.log(row[4]) + float(np.min(np.log(y) - row[5] * k))
        rest = np.log(y - np.exp(row[4] + row[5] * k))
        row[:4] = np.linalg.lstsq(columns, rest, rcond=None)[0]
    return theta


LAW = Law(
    name="sparse_autoencoder",
    title="Sparse autoencoders",
    formula="L = exp(alpha + b_k ln k + b_n ln n + g ln k ln n) + exp(zeta + eta ln k)",
    citation="Gao et al. 2024, arXiv:2406.04093",
    params=(
        Param("alpha", "1", "level", "real", start=(-1.0, 0.0)),
        Param("b_k", "1", "exponent of active latents", "real", start=(0.1, 0.4)),
        Param("b_n", "1", "exponent of latents", "real", start=(-0.05, 0.0)),
        Param("g", "1", "interaction of both", "real", start=(-0.06, -0.02)),
        Param("zeta", "1", "level of what latents do not remove", "real", start=(-1.8, -1.0)),
        Param("eta", "1", "its exponent of active latents", "real", start=(-0.15, -0.03)),
    ),
    inputs=("latents", "latents_active"),
    predict=predict,
    starts=starts,
    target="mse",
    needs=(
        Input(
            "latents",
            "latents",
            "in all",
            low=1.0,
            open_low=False,
            at_least="latents_active",
            typical=(2e3, 2e7),
        ),
        Input("latents_active", "latents", "of a token", low=1.0, open_low=False, typical=(8, 512)),
    ),
    published=(
        Published(
            paper="gao2024",
            citation="Gao et al. 2024, arXiv:2406.04093",
            data="the authors' autoencoders on GPT-4",
            values={
                "alpha": -0.50,
                "b_k": 0.26,
                "b_n": -0.017,
                "g": -0.042,
                "zeta": -1.32,
                "eta": -0.085,
            },
            secondary=True,
        ),
    ),
    question="latents",
    assumes="TopK autoencoders of one layer of one model, trained to the end",
    fails="other activations; another layer or model, which has constants of its own",
    simulated=True,
)
