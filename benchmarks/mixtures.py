"""Loss of mixtures that a law has not seen: python -m benchmarks.mixtures

Seven-domain mixtures of Ye et al. 2024 (arXiv:2403.16952) at 70M params, 22 validation domains;
every fourth mixture is held out. Prints the mean absolute error of each law in nats. The table has
no open licence: SCALING_SHARED names where it lies.

And whether the mixture that `plan mixture` would take from a list is a good one, at sizes that the
law never saw: RegMix's 512 runs of 1M params are fitted, and among their held-out mixtures at 1M,
60M and 1B the one with the least forecast mean loss is looked up.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import published, shared_table
from scaling.fitting.data import law_inputs
from scaling.fitting.engine import fit

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


def picked() -> list[str]:
    """A line for each size: where the chosen mixture stands among those that were trained."""
    rows = published("regmix").rename({"value": "loss"})
    made = fit(rows.filter(pl.col("split") == "train"), LAWS[0])
    lines = []
    for size in (1e6, 6e7, 1e9):
        test = rows.filter((pl.col("split") == "test") & (pl.col("params") == size))
        forecast = made.predict(law_inputs(test, made.law, to_fit=False))
        mean = (
            test.with_columns(forecast=forecast)
            .group_by("mixture")
            .agg(pl.col("loss").mean(), pl.col("forecast").mean())
        )
        loss = mean["loss"].to_numpy()
        own = loss[int(np.argmin(mean["forecast"].to_numpy()))]
        lines.append(
            f"{size:.0e} params: place {(loss < own).sum() + 1} of {len(loss)}, loss {own:.3f}, "
            f"best {loss.min():.3f}, median {np.median(loss):.3f}"
        )
    return lines


if __name__ == "__main__":
    print(*picked(), sep="\n")
    for law, error in errors().items():
        print(f"{law} {error:.4f}")
