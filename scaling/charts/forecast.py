"""A forecast: the runs, the fan to the farthest planned run, and each planned run's intervals."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.charts import _marks as m
from scaling.document.palette import COLOUR
from scaling.errors import InputError
from scaling.forecasting.display import Forecast

COMPUTE = "training compute, FLOP (6ND)"
# Planned runs along the fan.
STEPS = 12
# Role of an interval, by its share.
_BANDS = {0.95: "band95", 0.9: "band90", 0.8: "band80", 0.5: "band50"}
_LINES = {0.95: 2, 0.9: 4, 0.8: 6, 0.5: 8}


def fan(made: Forecast) -> m.Drawing | None:
    """Runs, intervals and medians against compute, or against the first numeric input."""
    values = _wide(made)
    place = _place(made)
    if values is None or place is None:
        return None
    planned = made.drop("quantile", "value").gather_every(len(values.columns))
    name, at = place[0], _of(planned, place[1])
    log = bool((at > 0).all()) and (made.runs is None or bool((_of(made.runs, place[1]) > 0).all()))
    target = "value" if made.runs is None else made.runs.columns[-1]
    across, up = m.x("x", name, log=log), m.y("y", target)
    layers: list[m.Drawing] = []
    below = "50 to 95 % intervals"
    if made.runs is not None:
        layers += _fan(made, planned, place[1], across, up)
        below += ", and the way there from the largest run" if layers else ""
        runs = m.records(
            x=_of(made.runs, place[1]), y=made.runs[target].cast(pl.Float64).to_numpy()
        )
        layers += [m.points(m.thinned(runs), across, up)]
        layers += [m.beyond(float(max(row["x"] for row in runs)), across)]
    rows = m.records(x=at, **{one: values[one].to_numpy() for one in values.columns})
    layers += [_bar(rows, across, up, *ends) for ends in _pairs(values)]
    if "0.5" in values.columns:
        layers += [
            m.points(rows, across, _at(up, "0\\.5"), color=COLOUR["planned"], size=60, opacity=1.0)
        ]
    return m.size(alt.layer(*layers), m.titled(f"Forecast of {target}", below))


def _wide(made: Forecast) -> pl.DataFrame | None:
    """A row a planned run, a column a level; None where the table is no whole forecast."""
    if made.is_empty() or not {"quantile", "value"} <= set(made.columns):
        return None
    levels = made["quantile"].unique(maintain_order=True).to_list()
    if made["quantile"].to_list() != levels * (made.height // len(levels)):
        return None
    values = made["value"].to_numpy().reshape(-1, len(levels))
    return pl.DataFrame({f"{one:g}": values[:, i] for i, one in enumerate(levels)})


def _place(made: Forecast) -> tuple[str, tuple[str, ...]] | None:
    """The horizontal axis: its name, and the inputs of which it is the product."""
    inputs = () if made.distance is None else made.distance.inputs
    if {"params", "tokens"} <= set(inputs):
        return COMPUTE, ("params", "tokens")
    return (inputs[0], (inputs[0],)) if inputs else None


def _of(table: pl.DataFrame, names: tuple[str, ...]) -> Array:
    columns = [table[name].cast(pl.Float64).to_numpy() for name in names]
    return np.asarray(np.prod(columns, axis=0) * (6.0 if len(names) == 2 else 1.0))


def _pairs(values: pl.DataFrame) -> list[tuple[str, str, float]]:
    """Levels of each interval from wide to narrow, with its share."""
    levels = {round(float(one), 9): one for one in values.columns}
    found = [(low, round(1.0 - low, 9)) for low in sorted(levels) if low < 0.5]
    return [(levels[a], levels[b], round(b - a, 9)) for a, b in found if b in levels]


def _at(up: alt.Y, column: str) -> alt.Y:
    made = up.copy()
    made.shorthand = column
    return made


def _bar(rows: m.Rows, across: alt.X, up: alt.Y, low: str, high: str, share: float) -> m.Drawing:
    role, wide = _BANDS.get(share, "band80"), _LINES.get(share, 3)
    mark = alt.Chart(m.data(rows)).mark_rule(color=COLOUR[role], strokeWidth=wide)
    return mark.encode(x=across, y=_at(up, low.replace(".", "\\.")), y2=high.replace(".", "\\."))


def _fan(
    made: Forecast, planned: pl.DataFrame, names: tuple[str, ...], across: alt.X, up: alt.Y
) -> list[m.Drawing]:
    """Bands along the line, in logs, from the largest run to the farthest planned run."""
    path = _path(made, planned, names)
    if made.further is None or path is None:
        return []
    try:
        ahead = Forecast(made.further(path))
    except InputError:  # of the way there no forecast can be made, as where inputs are groups
        return []
    values = _wide(ahead)
    if values is None:
        return []
    rows = m.records(x=_of(path, names), **{c: values[c].to_numpy() for c in values.columns})
    return [
        m.band(rows, across, _at(up, low.replace(".", "\\.")), high.replace(".", "\\."),
               _BANDS.get(share, "band80"))
        for low, high, share in _pairs(values)
    ]  # fmt: skip


def _path(made: Forecast, planned: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame | None:
    assert made.runs is not None
    inputs = [one for one in made.runs.columns[:-1] if one in planned.columns]
    start = made.runs[int(np.argmax(_of(made.runs, names)))].select(inputs)
    end = planned[int(np.argmax(_of(planned, names)))].select(inputs)
    if _of(end, names)[0] <= _of(start, names)[0]:
        return None
    columns: Mapping[str, object] = {
        name: np.geomspace(float(start[name][0]), float(end[name][0]), STEPS)
        if _positive(start[name]) and _positive(end[name])
        else [end[name][0]] * STEPS
        for name in inputs
    }
    return pl.DataFrame(columns)


def _positive(cell: pl.Series) -> bool:
    return cell.dtype.is_numeric() and cell[0] is not None and float(cell[0]) > 0


PANELS = {"fan": fan}
