"""Growth in time: METR's horizon and Epoch's training compute; series that get worse with scale."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, of_metric, shared_table
from scaling.analysis.trends import growth, running_best
from scaling.fitting.engine import fit


def metr() -> list[Figure]:
    """Doubling of the horizon of the models that were the best of their day, to March 2025."""
    rows = of_metric("metr-horizon", "horizon@metr-50").with_columns(
        pl.col("observed").cast(pl.String)
    )
    rows = rows.filter(pl.col("observed") < "2025-04-01")
    best = rows.filter(pl.Series(running_best(rows["observed"], rows["value"].to_numpy())))
    ours = growth(best["observed"], best["value"])
    why = "the figure counts whole days, and models released on one day in its own order"
    return [Figure("doubling time, days", ours.doubling_days, 211.0, 1.5, why)]


def epoch() -> list[Figure]:
    """Training compute of notable models since 2010, in the copy of June 2025."""
    rows = shared_table("epoch-models", "models_snapshots.csv").with_columns(
        pl.col("snapshot_date", "publication_date").cast(pl.String)
    )
    kept = rows.filter(
        pl.col("snapshot_date").str.starts_with("2025-06")
        & (pl.col("publication_date") >= "2010")
        & (pl.col("training_compute_flop") > 0)
    )
    ours = growth(kept["publication_date"], kept["training_compute_flop"])
    law = fit(
        kept.select(date="publication_date", value="training_compute_flop"), "trend", target="value"
    )
    why = "another copy of the list (429 rows for 428); two digits are printed"
    return [
        Figure("growth per year", ours.per_year, 4.7, 0.06, why),
        Figure("growth per year, law trend", law.values["g"], ours.per_year, 1e-6, "one fit"),
        Figure("low end of 90 %", ours.low, 4.3, 0.1, why),
        Figure("high end of 90 %", ours.high, 5.2, 0.1, why),
        Figure("rows", float(ours.rows), 428.0, 1.0, why),
        Figure("R2", ours.r2, 0.60, 0.01, why),
    ]


def worse() -> list[Figure]:
    """Series of at least four sizes whose mean loss rises with scale."""
    rows = shared_table("inverse-scaling").filter(pl.col("y_name") == "mean_loss")
    series = [one for _, one in rows.group_by("series") if one["params"].n_unique() >= 4]
    rising = [np.polyfit(np.log(one["params"]), one["y"], 1)[0] > 0 for one in series]
    return [
        Figure("series of four sizes", float(len(series)), 45.0, 0.0, "a count"),
        Figure("of which the loss rises", float(sum(rising)), 13.0, 0.0, "a count"),
    ]


ENTRIES = (
    Entry(
        "metr",
        "trend",
        "metr-horizon",
        "Kwa et al. 2025, arXiv:2503.14499 (212 days; 211 in a refit of the table)",
        metr,
    ),
    Entry(
        "epoch-compute",
        "trend",
        "epoch-models",
        "Epoch AI, Data on Notable AI Models",
        epoch,
        "the copy of July 2026 gives 4.35 (467 rows): revisions of the list move the rate",
        shared="epoch-models",
    ),
    Entry(
        "inverse-scaling",
        "u_shaped",
        "inverse-scaling",
        "McKenzie et al. 2023, arXiv:2306.09479 (runs of its pipeline)",
        worse,
        shared="inverse-scaling",
    ),
)
