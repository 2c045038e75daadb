"""Approach 3 on the four subsets of Gemstones."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, of_metric
from scaling.fitting.engine import fit

# alpha, beta, a, b, e, objective; delta 1e-3 (parameters_delta-3).
PRINTED = {
    "hot_100b+": (0.2591, 0.5973, 4.901, 12.851, 0.6682, 0.0065925344),
    "hot": (0.2929, 0.7129, 5.361, 15.416, 0.7623, 0.0019816129),
    "cool_end": (0.3003, 0.5802, 5.420, 12.514, 0.7298, 0.0019640865),
    "lr_ablation": (0.3255, 0.6513, 5.838, 14.307, 0.7911, 0.0019728624),
}
# Checkpoints at 10.003 billion tokens and multiples: the tenth is above 1e11.
HOT_MOST = 1.05e11


def subset(name: str) -> pl.DataFrame:
    """Rows of one subset; hot is the first ten checkpoints of each run of hot_100b+."""
    rows = of_metric("gemstones", "loss@gemstones-val")
    family = {"hot": "hot_100b+", "lr_ablation": "lr_ablation_hot"}.get(name, name)
    chosen = rows.filter(pl.col("family") == f"gemstones-{family}")
    return chosen.filter(pl.col("tokens") <= HOT_MOST) if name == "hot" else chosen


def figures() -> list[Figure]:
    """Parameters and objective of each subset."""
    found = []
    for name, (alpha, beta, a, b, e, objective) in PRINTED.items():
        made = fit(subset(name), "chinchilla")
        own = made.values
        why = "stop of the published search (L-BFGS on a full grid)"
        found += [
            Figure(f"alpha, {name}", own["alpha"], alpha, 3e-4, why),
            Figure(f"beta, {name}", own["beta"], beta, 1e-3, why),
            Figure(f"ln A, {name}", float(np.log(own["A"])), a, 5e-3, why),
            Figure(f"ln B, {name}", float(np.log(own["B"])), b, 2e-2, why),
            Figure(f"ln E, {name}", float(np.log(own["E"])), e, 5e-4, why),
            Figure(f"objective, {name}", made.objective, objective, 1e-7, why),
        ]
    return found


# Objective of the law in width, depth, params and tokens, then its four exponents.
SHAPES = {
    "hot_100b+": (0.0026427674, 0.205280776, 0.4741415976, 0.372096494, 0.5116481093),
    "cool_end": (0.0008107426, 0.3540096969, 0.464087269, 0.3941362557, 0.5364845902),
    "lr_ablation": (0.0010089106, 0.3843608161, 0.5124435014, 0.4096142991, 0.5401321511),
}


def shapes() -> list[Figure]:
    """Objective and exponents of the law in width, depth, params and tokens."""
    found = []
    for name, (objective, *exponents) in SHAPES.items():
        made = fit(subset(name), "width_depth")
        lower = "ours is lower: the published search stops 2 to 10 in 100,000 above the optimum"
        found.append(
            Figure(f"objective, {name}", made.objective, objective, 2e-4 * objective, lower)
        )
        valley = "ends of one flat valley; the fit says that exponents are not identified"
        found += [
            Figure(f"exponent of {symbol}, {name}", made.values[key], value, 0.015, valley)
            for symbol, key, value in zip(
                ("w", "d", "N", "D"), ("alpha", "beta", "gamma", "delta"), exponents, strict=True
            )
        ]
    return found


ENTRIES = (
    Entry(
        "gemstones-shapes",
        "width_depth",
        "gemstones",
        "McLeish et al. 2025, arXiv:2502.06857, parameters_delta-3",
        shapes,
    ),
    Entry(
        "gemstones",
        "chinchilla",
        "gemstones",
        "McLeish et al. 2025, arXiv:2502.06857, parameters_delta-3",
        figures,
        "the authors' files for delta 1e-4 are not converged, so only 1e-3 is compared",
    ),
)
