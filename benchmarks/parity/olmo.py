"""The OLMo ladder's forecast of the 13B model's loss on C4."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, of_metric
from scaling.fitting.engine import fit

TARGET = "olmo-peteish13_eval_final"


def figures() -> list[Figure]:
    """Parameters, objective and forecast from the 16 runs up to 1.3B."""
    rows = of_metric("olmo-ladder", "loss@c4-en-avg5")
    kept = rows.filter(pl.col("flags").fill_null("").str.contains("in_paper_fit"))
    made = fit(kept, "chinchilla", inputs={"params": "params_non_embedding"})
    goal = rows.filter(pl.col("run") == TARGET)
    x = {
        "params": goal["params_non_embedding"].to_numpy().astype(float),
        "tokens": goal["tokens"].to_numpy(),
    }
    own = made.values
    why = "optimum, five printed digits"
    return [
        Figure("ln A", float(np.log(own["A"])), 2.52435, 2e-4, why),
        Figure("ln B", float(np.log(own["B"])), 3.51086, 2e-4, why),
        Figure("alpha", own["alpha"], 0.10360, 1e-5, why),
        Figure("beta", own["beta"], 0.16197, 1e-5, why),
        Figure("E", own["E"], 0.93438, 2e-4, why),
        Figure("objective", made.objective, 3.29986e-5, 1e-10, why),
        Figure("loss of 13B at 5T tokens", float(made.predict(x)[0]), 2.3443873, 2e-5, why),
    ]


ENTRIES = (
    Entry(
        "olmo-c4",
        "chinchilla",
        "olmo-ladder",
        "Bhagia et al. 2024, arXiv:2412.04403",
        figures,
        "the run reached 2.4379; SciPy's default stop gives 2.350 instead of the optimum's 2.3444",
    ),
)
