"""A run's course in the quantity that a rule compares: knots, levels, errors, from the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.compute.estimate import Z90
from scaling.govern.lineage import has_parent
from scaling.govern.trajectory import Trajectory

DAY_US = 86_400_000_000
# Of figures that have no error of their own, so that the comparator decides.
NO_ERROR = 1e-9


def course(runs: pl.DataFrame, rule: dict[str, Any]) -> Trajectory:
    """The runs' course in the quantity that the rule compares."""
    own, whole = _own_and_whole(runs, rule)
    prior = np.maximum(whole - own, 0.0)
    finished = (runs["state"] == "finished").to_numpy()
    sigma = np.maximum(_sigma(runs, rule), NO_ERROR)
    start, end = _days(runs, "started_at"), _days(runs, "ended_at")
    end = np.where(np.isnan(end), _days(runs, "released_at"), end)
    start = np.where(np.isnan(start), end, start)
    if rule["quantity"] == "cluster_peak":  # a cluster is there from the start
        return Trajectory(np.stack([start] * 3), np.stack([own] * 3), sigma, finished)
    share = floats(runs, pl.col("flop_to_date") / pl.col("best"))
    known = np.isfinite(share) & np.isfinite(_days(runs, "to_date_at"))
    mark = np.where(known, np.clip(_days(runs, "to_date_at"), start, end), start)
    done = np.where(known, np.minimum(share, 1.0), 0.0)
    levels = np.stack([prior, np.where(done < 1.0, prior + done * own, whole), whole])
    return Trajectory(np.stack([start, mark, end]), levels, sigma, finished)


def _own_and_whole(runs: pl.DataFrame, rule: dict[str, Any]) -> tuple[Array, Array]:
    """The run's own quantity, and that with what the rule adds to it: the model's earlier runs and
    what it was trained from."""
    quantity, regime = rule["quantity"], rule["counts"]
    if quantity == "training_compute":
        own = floats(runs, pl.col(f"{regime}_own_central"))
        return own, floats(runs, pl.col(total(rule, "central")))
    if quantity.startswith("modification"):
        figure = "ratio" if quantity.endswith("ratio") else "own"
        own = floats(runs, pl.when(has_parent()).then(pl.col(f"{regime}_{figure}_central")))
    else:
        own = floats(runs, pl.col({"training_cost": "cost_usd"}.get(quantity, quantity)))
    return own, own


def total(rule: dict[str, Any], end: str) -> str:
    """Column of what a rule on training compute adds up: over the model's life, or of the run."""
    return f"{rule['counts']}{'' if rule['cumulative'] == 'yes' else '_own'}_{end}"


def _sigma(runs: pl.DataFrame, rule: dict[str, Any]) -> Array:
    """Error of the quantity: of the regime's band, of the run's compute, or none."""
    quantity = rule["quantity"]
    if quantity == "training_compute":
        low, high = (pl.col(total(rule, end)) for end in ("low", "high"))
        # A low figure of nothing makes the band endless; ten powers of ten stand for that.
        return floats(runs, (high / low).log().clip(0.0, 46.0) / (2.0 * Z90))
    if quantity.startswith("modification"):
        own = floats(runs, pl.col("sigma"))
        return np.hypot(own, _sigma_of_parent(runs)) if quantity.endswith("ratio") else own
    return np.full(runs.height, NO_ERROR)


def _sigma_of_parent(runs: pl.DataFrame) -> Array:
    """Error of a parent that is looked up in the file; a stated ``parent_flop`` has none."""
    looked_up = runs.select(pl.col("sigma").gather("parent_at"), "parent_flop")
    return floats(
        looked_up,
        pl.when(pl.col("parent_flop").is_null()).then("sigma").fill_null(0.0).fill_nan(0.0),
    )


def floats(runs: pl.DataFrame, value: pl.Expr) -> Array:
    """A column as numbers, NaN where it is empty."""
    found = runs.select(value.cast(pl.Float64).fill_null(float("nan"))).to_series()
    return np.asarray(found.to_numpy(), dtype=np.float64)


def _days(runs: pl.DataFrame, name: str) -> Array:
    """Moments as days since 1970 in UTC, NaN where empty."""
    return floats(runs, pl.col(name).dt.epoch("us").cast(pl.Float64) / DAY_US)
