"""A backtest: errors by distance, and how often intervals held."""

from __future__ import annotations

import altair as alt
import numpy as np

from scaling.charts import _marks as m
from scaling.document.palette import COLOUR
from scaling.forecasting.display import Backtest
from scaling.forecasting.scores import CARRY, ENSEMBLE, LEVELS


def errors(made: Backtest) -> m.Drawing | None:
    """Errors of the forecast against the distance from the known runs."""
    part = made.filter(method=ENSEMBLE)
    if part.is_empty():
        return None
    error = 100.0 * np.expm1(part["log_error"].to_numpy())
    rows = m.records(decades=part["decades"].to_numpy(), error=error)
    across = m.x("decades", "decades outside the known runs", log=False)
    up = m.y("error", "predicted over observed, %")
    zero = alt.Chart(m.data([{"error": 0.0}])).mark_rule(color=COLOUR["axis"]).encode(y=up)
    below = f"{part.height} forecasts of larger runs from smaller ones"
    return m.size(zero + m.points(m.thinned(rows), across, up), m.titled("Errors", below))


def coverage(made: Backtest) -> m.Drawing | None:
    """Of each interval the share of runs that it held."""
    part = made.filter(method=ENSEMBLE)
    if part.is_empty():
        return None
    held = [float(part[f"in{100 * one:g}"].cast(float).mean() or 0.0) for one in LEVELS]  # type: ignore[arg-type]
    across = m.x("asked", "interval, %", log=False)
    up = m.y("held", "runs inside, %")
    rows = m.records(asked=[100.0 * one for one in LEVELS], held=[100.0 * one for one in held])
    equal = m.line(m.records(asked=[50.0, 95.0], held=[50.0, 95.0]), across, up, "axis")
    dots = m.points(rows, across, up, color=COLOUR["planned"], size=70, opacity=1.0)
    return m.size(
        equal + dots, m.titled("How often intervals held", "on the line: as often as asked")
    )


def methods(made: Backtest) -> m.Drawing | None:
    """Mean score of each method."""
    means = made.group_by("method", maintain_order=True).mean().sort("crps")
    rows = m.records(method=means["method"].to_list(), value=100.0 * means["crps"].to_numpy())
    up = alt.Y("method:N", sort=None, title=None)
    title = "mean CRPS of logs, hundredths (less is better)"
    bars = alt.Chart(m.data(rows)).mark_bar().encode(
        x=m.x("value", title, log=False),
        y=up,
        color=alt.condition(
            alt.datum.method == ENSEMBLE, alt.value(COLOUR["median"]), alt.value(COLOUR["band80"])
        ),
    )  # fmt: skip
    below = f"{ENSEMBLE}: the forecast; {CARRY}: the largest known runs' value"
    return m.size(bars, m.titled("Methods", below), height=24 * len(rows))


PANELS = {"errors": errors, "coverage": coverage, "methods": methods}
