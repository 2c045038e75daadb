"""What deserves a look: crossings that are new, that come near, and clocks that run out."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from scaling.govern.crossings import ABOVE, BELOW, MAY, NOT_REACHED, PLANNED, UNKNOWN

# A twentieth: the edge of a 90 % interval on one side.
NEAR = 0.05
SOON = timedelta(days=30)
_CROSSING = (ABOVE, MAY, PLANNED)
KEY = ("run", "rule")


def alerts(table: pl.DataFrame, on: date, before: pl.DataFrame | None = None) -> pl.DataFrame:
    """One row per run, rule and ``alert``, of the four kinds below.

    A crossing counts by compute, so that an unknown condition hides none; a clock counts where
    every condition is met. ``before`` are the
    crossings of the last report; without one every crossing is new. Whether a notice
    was given is not known here.
    """
    crossing = pl.col("by_compute").is_in(_CROSSING) & pl.col("verdict").is_in(
        [*_CROSSING, UNKNOWN]
    )
    known = pl.lit(value=False)
    if before is not None:
        past = before.filter(crossing).select(*KEY, _known=pl.lit(value=True))
        table = table.join(past, on=KEY, how="left", maintain_order="left")
        known = pl.col("_known").fill_null(value=False)
    certain = crossing & (pl.col("verdict") != UNKNOWN)
    near = pl.col("by_compute").is_in([NOT_REACHED, BELOW]) & (pl.col("p_final") >= NEAR)
    kinds = {
        "new crossing": crossing & ~known,
        "nearing": near & (pl.col("verdict") != "not applicable"),
        "due within 30 days": certain & pl.col("notify_by").is_between(on, on + SOON),
        "last day passed": certain & (pl.col("notify_by") < on),
    }
    columns = ["run", "entity", "rule", "provision", "verdict", "central_2sf", "ratio"]
    columns += ["p_final", "date_50", "notify_by", "missing", "because"]
    parts = [
        table.filter(rule).select(pl.lit(kind).alias("alert"), *columns)
        for kind, rule in kinds.items()
    ]
    order = {name: i for i, name in enumerate((*_CROSSING, UNKNOWN, "not reached"))}
    rank = pl.col("verdict").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    return pl.concat(parts).sort("alert", rank, "entity", "run", "rule")
