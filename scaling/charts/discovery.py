"""Formulas of a table: their errors on runs held out."""

from __future__ import annotations

import altair as alt

from scaling.charts import _marks as m
from scaling.document.palette import COLOUR
from scaling.forecasting.discovery import Discovery


def ranking(made: Discovery) -> m.Drawing | None:
    """Errors of all formulas, best first."""
    by = 100.0 if made.relative else 1.0
    rows = [
        {"form": one.name, "value": by * one.error, "tied": "yes" if one.tied else "no"}
        for one in made.ranking
    ]
    title = (
        "error on runs held out, %" if made.relative else f"error on runs held out, {made.target}"
    )
    dots = alt.Chart(m.data(rows)).mark_point(filled=True, size=60).encode(
        x=m.x("value", title),
        y=alt.Y("form:N", sort=None, title=None, axis=alt.Axis(labelLimit=320)),
        color=alt.Color(
            "tied:N",
            title="tied with the first",
            scale=alt.Scale(domain=["yes", "no"], range=[COLOUR["median"], COLOUR["band80"]]),
        ),
    )  # fmt: skip
    return m.size(dots, m.titled("Formulas"), height=18 * len(rows))


PANELS = {"ranking": ranking}
