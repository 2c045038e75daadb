"""The tasks: fit on small runs or on the beginning of a curve, foretell the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

PUBLISHED = Path("data/published")
# Curves with the benchmark's own split of train and extrapolate; one of them has no licence, so the
# table is not shipped.
CURVES = Path(os.environ.get("SCALING_SHARED", "../shared")) / "data/nsl-benchmark/runs.csv"
# Flags of runs that their own source leaves out.
LEFT_OUT = "published_outlier|spline_outlier|diverged"
SUBSETS = ("IC", "NMT", "LM", "BB", "NANO", "DD", "COLPRET", "BNSL_ADD")


@dataclass(frozen=True)
class Task:
    """Runs that are known, runs to foretell, and the columns that are read."""

    group: str
    name: str
    runs: pl.DataFrame
    at: pl.DataFrame
    inputs: tuple[str, ...]
    target: str = "value"

    @property
    def truth(self) -> np.ndarray:
        """Log of what came."""
        return np.log(self.at[self.target].to_numpy())


def curves(path: Path = CURVES) -> Iterator[Task]:
    """One task a curve, in the benchmark's own split."""
    table = pl.read_csv(path, infer_schema_length=None)
    for (subset, series), rows in table.group_by("subset", "series", maintain_order=True):
        part = rows.select(x=pl.col("x").cast(pl.Float64), value="y", split="split").sort("x")
        runs = part.filter(pl.col("split") == "train").drop("split")
        at = part.filter(pl.col("split") == "extrapolate").drop("split")
        if runs.height and at.height:
            yield Task(str(subset), str(series), runs, at, ("x",))


def language() -> Iterator[Task]:
    """Small runs of a study against its largest."""
    n, d = pl.col("params"), pl.col("tokens")
    table = _published("gadre-overtraining").filter(pl.col("metric") == "loss@c4-val")
    for (family,), rows in table.group_by("family", maintain_order=True):
        yield _split("gadre", str(family), rows, n > 1e9)
    table = _published("gemstones").filter(pl.col("family") == "gemstones-cool_end")
    yield _split("gemstones", "cool_end", table, n > 1e9)
    table = _published("muennighoff-datablations").filter(
        pl.col("training_data") == "C4", pl.col("epochs") <= 1.5
    )
    yield _split("muennighoff", "C4", table, n > 2e9)
    yield from _ladder()
    table = _published("llama3-isoflops")
    yield _split("llama3", "isoflops", table, pl.col("flops") > 5e20)
    table = _published("opt-trajectories").filter(d >= 1e10)
    yield _split("opt", "trajectories", table, n > 2e10)
    table = _published("porian-discrepancies").filter(
        pl.col("params").is_not_null(), pl.col("metric").str.ends_with("-val")
    )
    for (family,), rows in table.group_by("family", maintain_order=True):
        if rows["params"].n_unique() >= 10 and rows.height >= 60:
            yield _split("porian", str(family), rows, pl.col("flops") > 5e18)
    yield from _routed()


def _ladder() -> Iterator[Task]:
    table = _published("olmo-ladder").filter(
        pl.col("checkpoint") == "final", pl.col("metric_kind").is_in(["loss", "bits_per_byte"])
    )
    inputs = ("params_non_embedding", "tokens")
    for (metric,), rows in table.group_by("metric", maintain_order=True):
        large = pl.col("params_non_embedding") > 2e9
        if rows.filter(large).height and str(metric).startswith("loss"):
            yield _split("olmo-ladder", str(metric), rows, large, inputs)


def _routed() -> Iterator[Task]:
    table = _published("clark-routing").filter(
        pl.col("checkpoint") == "final",
        pl.col("metric") == "loss@massivetext",
        pl.col("experts_active").fill_null(1) == 1,
        pl.col("experts") > 1,
    )
    inputs = ("params_non_embedding", "experts")
    for (family,), rows in table.group_by("family", maintain_order=True):
        large = pl.col("params_non_embedding") > 5e8
        if rows.filter(large).height:
            yield _split("clark", str(family), rows, large, inputs)


def _published(source: str) -> pl.DataFrame:
    table = pl.read_csv(PUBLISHED / source / "runs.csv", infer_schema_length=None)
    if "flags" not in table.columns:
        return table
    return table.filter(~pl.col("flags").fill_null("").str.contains(LEFT_OUT))


def _split(
    group: str,
    name: str,
    rows: pl.DataFrame,
    large: pl.Expr,
    inputs: tuple[str, ...] = ("params", "tokens"),
) -> Task:
    table = rows.select(pl.col(*inputs, "value").cast(pl.Float64), large=large).drop_nulls()
    runs = table.filter(~pl.col("large")).drop("large")
    return Task(group, name, runs, table.filter("large").drop("large"), inputs)
