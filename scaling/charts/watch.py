"""A run under way: its curve, and the forecast of its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from scaling.charts import _marks as m
from scaling.document.palette import COLOUR

if TYPE_CHECKING:
    from scaling.watching.progress import Progress


def course(made: Progress) -> m.Drawing:
    """The curve that the forecast rests on, the 50 and 90 % intervals of the end, and the loss to
    reach."""
    across, up = m.x("x", made.unit, log=False), m.y("y", made.metric)
    q, end = made.quantiles, made.curve.end
    points = m.points(m.records(x=made.curve.at, y=made.curve.value), across, up)
    layers = [points, m.beyond(float(made.curve.at[-1]), across)]
    for low, high, role, wide in ((0.05, 0.95, "band90", 4), (0.25, 0.75, "band50", 8)):
        rows = [{"x": end, "y": q[low], "high": q[high]}]
        mark = alt.Chart(m.data(rows)).mark_rule(color=COLOUR[role], strokeWidth=wide)
        layers.append(mark.encode(x=across, y=up, y2="high"))
    rows = [{"x": end, "y": q[0.5]}]
    layers.append(m.points(rows, across, up, color=COLOUR["planned"], size=60, opacity=1.0))
    if made.beat is not None:
        ends = [{"x": x, "y": made.beat} for x in (float(made.curve.at[0]), end)]
        layers.append(m.line(ends, across, up, "median"))
    window = f", means over {made.window:,.4g} {made.unit}" if made.window else ""
    below = f"{made.share:.0%} done; 50 and 90 % intervals of the end{window}"
    return m.size(alt.layer(*layers), m.titled(f"Run {made.run}", below))


PANELS = {"course": course}
