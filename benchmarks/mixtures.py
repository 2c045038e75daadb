"""Loss of mixtures that a law has not seen: python -m benchmarks.mixtures

Seven-domain mixtures of Ye et al. 2024 (arXiv:2403.16952) at 70M params, 22 validation domains;
every fourth mixture is held out. Prints the mean absolute error of each law in nats. The table has
no open licence: SCALING_SHARED names where it lies.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import shared_table
from scaling.fit.data import law_inputs
from scaling.fit.engine import fit

LAWS = ("mixture_exponential", "mixture_linear")


def table() -> pl.DataFrame:
    """One row a mixture and validation domain, in the columns that the laws read."""
    rows = shared_table("data-mixing").filter(
        (pl.col("group") == "RedPajama") & (pl.col("model_size") == "70M") & (pl.col("step") == 3e4)
    )
    texts = [
        ";".join(f"d{j}={share}" for j, share in enumerate(text.split("|")))
        for text in rows["mixture"]
    ]
    return rows.with_columns(mixture=pl.Series(texts), metric=pl.col("valid_domain"))


def errors() -> dict[str, float]:
    """Mean absolute error on held-out mixtures by law, and of each domain's mean."""
    rows = table()
    away = rows["mixture"].unique().sort().to_list()[::4]
    known = rows.filter(~pl.col("mixture").is_in(away))
    test = rows.filter(pl.col("mixture").is_in(away))
    found = {}
    for name in LAWS:
        made = fit(known, name)
        predicted = made.predict(law_inputs(test, made.law, to_fit=False))
        found[name] = float(np.mean(np.abs(predicted - test["loss"].to_numpy())))
    mean = known.group_by("metric").agg(mean=pl.col("loss").mean())
    both = test.join(mean, on="metric")
    found["mean"] = float((both["loss"] - both["mean"]).abs().mean())
    return found


if __name__ == "__main__":
    for law, error in errors().items():
        print(f"{law} {error:.4f}")
