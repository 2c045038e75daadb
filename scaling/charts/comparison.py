"""Laws compared: criteria, and errors beyond the compute that they were fitted on."""

from __future__ import annotations

import altair as alt

from scaling.charts import _marks as m
from scaling.document.palette import COLOUR
from scaling.fitting.diagnostics.comparison import Comparison


def criteria(made: Comparison) -> m.Drawing | None:
    """Differences of AICc from the best law."""
    rows = made.criteria.select("law", value="delta_aicc").to_dicts()
    bars = alt.Chart(m.data(rows)).mark_bar(color=COLOUR["band50"]).encode(
        x=m.x("value", "AICc above that of the best law", log=False),
        y=alt.Y("law:N", sort=None, title=None),
    )  # fmt: skip
    below = f"{made.criteria['rows'][0]} rows, as if independent; less is better"
    return m.size(bars, m.titled("AICc", below), height=28 * len(rows))


def horizons(made: Comparison) -> m.Drawing | None:
    """Errors by decades of compute beyond the fitted runs."""
    if made.rolling_origin.is_empty():
        return None
    rows = [
        {
            "law": one["law"],
            "decades": f"{one['from']:g} to {one['to']:g}"
            if one["to"] < 100
            else f"over {one['from']:g}",
            "error": 100.0 * one["rmse"],
        }
        for one in made.rolling_origin.to_dicts()
        if one["rmse"] is not None
    ]
    order = sorted({row["decades"] for row in rows}, key=lambda text: text.removeprefix("over "))
    title = "decades of compute beyond the fitted runs"
    lines = alt.Chart(m.data(rows)).mark_line(point=True).encode(
        x=alt.X("decades:O", sort=order, title=title, axis=alt.Axis(labelAngle=0)),
        y=m.y("error", "root mean square error of logs, hundredths"),
        color=alt.Color("law:N", title=None, sort=None),
    )  # fmt: skip
    return m.size(lines, m.titled("Errors beyond the fitted runs"))


PANELS = {"criteria": criteria, "horizons": horizons}
