"""What charts share: style, axes, and the marks of runs, bands and extrapolation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from scaling.arrays import Array
from scaling.document.palette import COLOUR
from scaling.document.svg import FONT

Rows = list[dict[str, Any]]
# A chart of Altair's, whose own types do not add up.
Drawing = Any
WIDTH, HEIGHT = 460, 300
# Runs that a panel shows; of more every k-th, which its title says.
MAX_RUNS = 3000
# Small numbers in full, large ones as 1e19.
_LABEL = (
    "datum.value >= 1e4 ? replace(format(datum.value, '.0e'), '+', '') : format(datum.value, '~g')"
)


def styled(made: Drawing) -> Drawing:
    """A chart in the colours and type of the report."""
    axis = {
        "labelColor": COLOUR["muted"],
        "titleColor": COLOUR["ink"],
        "gridColor": COLOUR["grid"],
        "domainColor": COLOUR["axis"],
        "tickColor": COLOUR["axis"],
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    title = {"anchor": "start", "fontSize": 14, "color": COLOUR["ink"]}
    muted = {"subtitleColor": COLOUR["muted"], "subtitleFontSize": 12}
    return made.configure(
        font=FONT,
        background=COLOUR["surface"],
        axis=axis,
        title={**title, **muted},
        legend={"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
        view={"stroke": None},
        padding=12,
    )


def x(name: str, title: str, *, log: bool = True) -> alt.X:
    """A horizontal axis of numbers."""
    return alt.X(name, type="quantitative", title=title, scale=_scale(log), axis=_axis(log))


def y(name: str, title: str, *, log: bool = False) -> alt.Y:
    """A vertical axis of numbers."""
    return alt.Y(name, type="quantitative", title=title, scale=_scale(log), axis=_axis(log))


def _scale(log: bool) -> alt.Scale:
    return alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)


def _axis(log: bool) -> alt.Axis:
    if not log:
        return alt.Axis()
    return alt.Axis(labelExpr=_LABEL, tickCount=6, labelOverlap="greedy", labelSeparation=8)


def data(rows: Rows) -> Drawing:
    """Rows as a chart takes them, without what is not finite."""
    kept = [
        {
            name: float(one) if isinstance(one, np.floating) else one
            for name, one in row.items()
            if not (isinstance(one, float) and not np.isfinite(one))
        }
        for row in rows
    ]
    return alt.Data(values=kept)  # type: ignore[no-untyped-call]


def titled(text: str, below: str = "") -> alt.TitleParams:
    """A panel's title, and a line below it."""
    return alt.TitleParams(text, subtitle=below) if below else alt.TitleParams(text)


def points(rows: Rows, across: alt.X, up: alt.Y, **look: Any) -> Drawing:
    """Runs."""
    look = {"color": COLOUR["run"], "size": 26, "opacity": 0.65, "filled": True, **look}
    return alt.Chart(data(rows)).mark_point(**look).encode(x=across, y=up)


def line(rows: Rows, across: alt.X, up: alt.Y, role: str = "median") -> Drawing:
    """What a law says."""
    return alt.Chart(data(rows)).mark_line(color=COLOUR[role]).encode(x=across, y=up)


def band(rows: Rows, across: alt.X, low: alt.Y, high: str, role: str = "band90") -> Drawing:
    """An interval along an axis."""
    made = alt.Chart(data(rows)).mark_area(color=COLOUR[role], opacity=0.8)
    return made.encode(x=across, y=low, y2=high)


def beyond(edge: float, across: alt.X) -> Drawing:
    """Where the runs end and what follows is extrapolated."""
    rows: Rows = [{"edge": edge, "text": "extrapolation \u2192"}]
    at = across.copy()
    at.shorthand = "edge"
    mark = alt.Chart(data(rows))
    rule = mark.mark_rule(color=COLOUR["axis"], strokeDash=[4, 4]).encode(x=at)
    words = mark.mark_text(align="left", dx=5, dy=10, color=COLOUR["muted"], fontSize=12)
    return alt.layer(rule, words.encode(x=at, y=alt.value(0), text="text:N"))


def thinned(rows: Rows) -> Rows:
    """At most `MAX_RUNS` rows, every k-th."""
    return rows[:: -(-len(rows) // MAX_RUNS)] if len(rows) > MAX_RUNS else rows


def shown(rows: Rows) -> str:
    """How many runs a panel shows."""
    if len(rows) <= MAX_RUNS:
        return f"{len(rows)} runs"
    return f"{len(thinned(rows))} of {len(rows)} runs"


def records(**columns: Array | Sequence[Any]) -> Rows:
    """Columns of one length as rows."""
    names, lists = list(columns), [_list(one) for one in columns.values()]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _list(values: Array | Sequence[Any]) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def size(panel: Drawing, title: alt.TitleParams, height: int = HEIGHT) -> Drawing:
    """A panel at its size, with its title."""
    return panel.properties(width=WIDTH, height=height, title=title)


def intervals(
    rows: Rows, name: str, title: str, headline: alt.TitleParams, *, log: bool = False
) -> Drawing:
    """A value with its interval for each name: rows of ``name``, ``value``, ``low``, ``high``."""
    base = alt.Chart(data(rows))
    across = x("value", title, log=log)
    order = list(dict.fromkeys(row[name] for row in rows))
    up = alt.Y(name, type="nominal", sort=order, title=None, axis=alt.Axis(labelLimit=280))
    ends = base.mark_rule(color=COLOUR["band80"], strokeWidth=5).encode(
        x=x("low", title, log=log), x2="high", y=up
    )
    dots = base.mark_point(color=COLOUR["median"], filled=True, size=60).encode(x=across, y=up)
    return size(ends + dots, headline, height=max(60, 28 * len(order)))
