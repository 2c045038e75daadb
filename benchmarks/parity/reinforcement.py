"""Value-based RL: the authors' own fits stand beside every row of the table."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, published
from scaling.fitting.engine import fit
from scaling.fitting.solver.objective import Objective

PRINTED = {
    "BRO-DMC-medium": 8.7,
    "BRO-DMC-hard-dog_humanoid": 6.7,
    "SimbaV2-h1-crawl-v0": 6.9,
    "SimbaV2-h1-stand-v0": 4.2,
}


def figures() -> list[Figure]:
    """Mean absolute relative error, and the largest distance to the authors' predictions."""
    rows = published("rl-value").with_columns(
        author=pl.col("note").str.extract(r"sum_powerlaw=([0-9.e+]+)").cast(pl.Float64)
    )
    found = []
    for name, printed in PRINTED.items():
        group = rows.filter(pl.col("family") == name)
        aim = Objective("least_squares")
        made = fit(group, "rl_sample_cost", target="value", objective=aim)
        error = 100.0 * float(np.mean(np.abs(np.expm1(made.residuals))))
        x = {"utd": group["utd"].to_numpy(), "params": group["params"].to_numpy().astype(float)}
        apart = float(np.max(np.abs(made.predict(x) / group["author"].to_numpy() - 1.0)))
        found.append(Figure(f"mean error, {name}, %", error, printed, 0.05, "last printed digit"))
        found.append(
            Figure(
                f"distance to the authors' predictions, {name}", apart, 0.0, 1e-4, "same optimum"
            )
        )
    return found


ENTRIES = (
    Entry(
        "rl-value",
        "rl_sample_cost",
        "rl-value",
        "Fu et al. 2025, arXiv:2508.14881",
        figures,
        "five parameters for 16 to 20 points: exponents and D_min are not identified, predictions "
        "are",
    ),
)
