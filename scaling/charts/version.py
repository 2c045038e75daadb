"""A published version: its forecasts with intervals, a panel a study."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from scaling.charts import _marks as m
from scaling.forecasting.scores import ENSEMBLE


def forecasts(made: Any) -> m.Drawing | None:
    """Medians and 90 % intervals of each study's targets."""
    table = made.forecasts.filter(pl.col("law") == ENSEMBLE)
    panels = []
    for (study,), part in table.group_by("study", maintain_order=True):
        rows = []
        for (target,), one in part.group_by("target", maintain_order=True):
            at = dict(one.select("quantile", "value").iter_rows())
            if {0.05, 0.5, 0.95} <= at.keys():
                rows.append({"target": target, "value": at[0.5], "low": at[0.05], "high": at[0.95]})
        if rows:
            panels.append(m.intervals(rows, "target", "forecast", m.titled(str(study), "90 %")))
    return alt.concat(*panels, columns=2) if panels else None


PANELS = {"forecasts": forecasts}
