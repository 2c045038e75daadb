"""A plan: the valley of the loss at a budget, and each figure's interval."""

from __future__ import annotations

import altair as alt
import numpy as np

from scaling.charts import _marks as m
from scaling.document.palette import COLOUR
from scaling.plan.answer import Answer, cell


def valley(made: Answer) -> m.Drawing | None:
    """Loss over sizes at the budget, with the optimum and its interval."""
    if made.valley is None:
        return None
    rows = [dict(row) for row in made.valley()]
    units = {name: unit for name, _, unit in made.figures}
    across, up = m.x("params", "params"), m.y("loss", f"loss, {units['loss']}")
    low = up.copy()
    low.shorthand = "low"
    banded = all(np.isfinite(row["low"]) and np.isfinite(row["high"]) for row in rows)
    layers: list[m.Drawing] = [m.band(rows, across, low, "high")] if banded else []
    layers += [m.line(rows, across, up)]
    best, loss = made.value("params"), made.value("loss").value
    if np.isfinite(best.low):
        ends = [{"params": best.low, "to": best.high, "loss": loss}]
        mark = alt.Chart(m.data(ends)).mark_rule(color=COLOUR["planned"], strokeWidth=3)
        layers += [mark.encode(x=across, x2="to", y=up)]
    dot = [{"params": best.value, "loss": loss}]
    layers += [m.points(dot, across, up, color=COLOUR["planned"], size=70, opacity=1.0)]
    below = f"{best.level:.0%} band; optimum and its interval in orange"
    return m.size(alt.layer(*layers), m.titled(made.question, below))


def figures(made: Answer) -> m.Drawing | None:
    """How wide each figure's interval is, as factors of its value."""
    rows = [
        {
            "figure": f"{name}: {cell(one.value)} {unit}",
            "value": 1.0,
            "low": one.low / one.value,
            "high": one.high / one.value,
        }
        for name, one, unit in made.figures
        if one.value > 0 and one.low > 0 and np.isfinite(one.high) and one.low < one.high
    ]
    if not rows:
        return None
    below = "90 % intervals" if made.figures[0][1].level == 0.9 else "intervals"
    return m.intervals(rows, "figure", "factor of the value", m.titled("Figures", below), log=True)


PANELS = {"valley": valley, "figures": figures}
