"""The page of first crossings: the answer, the models with the lines that they cross, the table."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from scaling.document.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Group,
    Panel,
    Report,
    Section,
    Table,
    Text,
    table,
)
from scaling.document.format import clean, scientific, share
from scaling.document.legend import box, dot, line, swatch
from scaling.document.palette import COLOUR
from scaling.document.svg import Axis, Layer, Plot, at, chart, draw
from scaling.govern.trends import decimal

WIDTH, HEIGHT = 760, 440
PAD = {"left": 52, "right": 16, "top": 10, "bottom": 34}
# The era of large models, in which the lines of law lie.
SINCE = 2018.0
ANY_MODEL = (
    "Any model of the table counts, whatever the scope of the rule, by the table's estimate of its "
    "compute; a later copy may revise both. Forecasts are from the copy's day: whether a model "
    "passed since is not known here."
)


def page(made: dict[str, Any], models: pl.DataFrame) -> Report:
    """The report.

    Args:
        made: as `scaling.govern.outlook.outlook` gives it.
        models: the copy that it is from, with ``year`` and ``flop``.
    """
    rows = made["first_crossings"]
    facts = [Cell(f"as of {made['as_of']}"), Cell(f"copy of {made['copy']}")]
    facts += [Cell(f"registry {made['registry']}")] if "registry" in made else []
    facts.append(Cell(f"forecast {made['version']}"))
    blocks: tuple[Block, ...] = (
        *(Text(sentence(row)) for row in rows),
        figure(rows, models, made),
        crossings(rows),
    )
    section = Section("headline", "First model above each line", blocks)
    return Report("When models cross the compute thresholds", ANY_MODEL, tuple(facts), (section,))


def name(row: dict[str, Any]) -> str:
    """The line: > 1e25 FLOP."""
    return f"{row['comparator']} {scientific(row['threshold'], 3)} FLOP"


def when(row: dict[str, Any]) -> str:
    """The first crossing: the model and its day, or the median with its 90 % interval."""
    if "model" in row:
        return f"{clean(row['model'])}, {row['observed']}"
    early, middle, late = (row[one] or "after the horizon" for one in ("p05", "p50", "p95"))
    return f"{middle} ({early} to {late})"


def sentence(row: dict[str, Any]) -> str:
    """The line in words."""
    if "model" in row:
        return f"{name(row)}: first passed by {clean(row['model'])} on {row['observed']}."
    day, chance = list(row["probability"].items())[-1]
    return (
        f"{name(row)}: not yet passed. Median {row['p50'] or 'after the horizon'}, 90 % interval "
        f"{row['p05'] or 'after the horizon'} to {row['p95'] or 'after the horizon'}; "
        f"{share(chance)} by {day}."
    )


def rules(row: dict[str, Any]) -> str:
    """The rules of a line, each with the day on which it is in force."""
    listed = [f"{clean(one)} ({day or 'no day yet'})" for one, day in row["rules"].items()]
    return "; ".join(listed) or "no rule"


def crossings(rows: list[dict[str, Any]]) -> Table:
    """Line, rules, first crossing, chances by days."""
    days = next((list(row["probability"]) for row in rows if "probability" in row), [])
    columns = (
        Column("line"),
        Column("rules, in force from", long=True),
        Column("first crossing", long=True, strong=True),
        *(Column(f"by {day}", numeric=True) for day in days),
    )
    cells = tuple(
        (
            Cell(name(row), row["threshold"], "FLOP"),
            Cell(rules(row)),
            Cell(when(row)),
            *(_chance(row, day) for day in days),
        )
        for row in rows
    )
    note = (
        "Median and 90 % interval. Chances follow from the count of models above the line, "
        "calibrated on the past of the copy."
    )
    return table("crossings-table", "First crossings", columns, (Group("", cells),), note)


def _chance(row: dict[str, Any], day: str) -> Cell:
    if "model" in row:
        return Cell("passed")
    return Cell(share(row["probability"][day]), row["probability"][day])


# --------------------------------------------------------------------------- figure


def figure(rows: list[dict[str, Any]], models: pl.DataFrame, made: dict[str, Any]) -> Figure:
    """Models by date, the lines, when they are crossed, and since when rules hold them."""
    title = "Models, lines of law and first crossings"
    alt = " ".join(sentence(row) for row in rows)
    legend = (
        swatch("model", dot("run", 3)),
        swatch("line", line("axis", 8, 1)),
        swatch("first crossing observed", dot("good", 5)),
        swatch("first crossing forecast, 90 %", box("band80", 4, 8)),
        swatch("its median", line("median", 8, 3)),
        swatch("a rule comes into force", dot("planned", 5)),
    )
    panel = Panel(
        "Training compute, FLOP", f"copy of {made['copy']}", alt, _plot(rows, models, made).svg
    )
    caption = f"The upright line is the day of the copy. {ANY_MODEL}"
    return Figure("crossings", title, caption, alt, (panel,), legend, "crossings-table")


def _plot(rows: list[dict[str, Any]], models: pl.DataFrame, made: dict[str, Any]) -> Plot:
    shown = models.filter(pl.col("year") >= SINCE)
    now = decimal(date.fromisoformat(made["copy"]))
    ends = [_year(row["p95"]) for row in rows if row.get("p95")]
    starts = [_year(day) for row in rows for day in row["rules"].values() if day]
    right = min(max([now + 1.0, *ends, *starts]) + 0.3, now + 12.0)
    low = min(row["threshold"] for row in rows) / 30
    high = max(row["threshold"] for row in rows) * 3
    years = list(range(int(SINCE), int(right) + 1, 1 if right - SINCE < 12 else 2))
    x = Axis(SINCE, right, years, [str(one) for one in years])
    powers = [10.0**p for p in range(-4, 40) if low <= 10.0**p <= high]
    y = Axis(low, high, powers, [scientific(one) for one in powers], log=True)
    dots = [
        {"x": year, "y": flop}
        for year, flop in shown.select("year", "flop").iter_rows()
        if low <= flop <= high
    ]
    look: dict[str, Any] = {"fill": COLOUR["run"], "opacity": 0.7, "strokeWidth": 0, "size": 12}
    layers: list[Layer] = [chart(dots, "x y", "point", **look)]
    for row in rows:
        layers += _line(row, right)
    bar = chart([{"x": now}], "x", "rule", color=COLOUR["ink"], strokeWidth=1)
    layers.append(at(bar, y=0, y2=HEIGHT))
    return draw(layers, x, y, WIDTH, HEIGHT, PAD)


def _line(row: dict[str, Any], right: float) -> list[Layer]:
    value = row["threshold"]
    across = [{"x": SINCE, "x2": right, "y": value}]
    made: list[Layer] = [chart(across, "x x2 y", "rule", color=COLOUR["axis"], strokeWidth=1)]
    look: dict[str, Any] = {"opacity": 1, "strokeWidth": 0, "size": 60}
    if "model" in row:
        place = [{"x": _year(row["observed"]), "y": value}]
        made.append(chart(place, "x y", "point", fill=COLOUR["good"], **look))
    elif row["p05"]:
        late = min(_year(row["p95"]) if row["p95"] else right, right)
        band = [{"x": _year(row["p05"]), "x2": late, "y": value}]
        made.append(chart(band, "x x2 y", "rule", color=COLOUR["band80"], strokeWidth=9))
        if row["p50"] and _year(row["p50"]) <= right:
            middle = [{"x": _year(row["p50"]), "y": value / 1.35, "y2": value * 1.35}]
            made.append(chart(middle, "x y y2", "rule", color=COLOUR["median"], strokeWidth=3))
    days = [_year(day) for day in row["rules"].values() if day]
    dated = [{"x": day, "y": value} for day in days if SINCE <= day <= right]
    if dated:
        made.append(chart(dated, "x y", "point", fill=COLOUR["planned"], **look))
    return made


def _year(day: str) -> float:
    return decimal(date.fromisoformat(day))
