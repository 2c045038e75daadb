"""The picture of a pack: when each run trains, when it crosses, and the last days of its clocks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl

from scaling.document import svg_page
from scaling.document.blocks import Figure, Panel
from scaling.document.format import clean, shorten
from scaling.document.legend import box, dot, line, swatch
from scaling.document.palette import COLOUR
from scaling.document.svg import Axis, Layer, Plot, at, chart, draw
from scaling.errors import counted

FILE = "timeline.svg"
# More rows than this fill more than a page of paper.
DRAWN = 24
WIDTH, ROW = 640, 44
PAD = {"left": 12, "right": 16, "top": 22, "bottom": 30}
NAME = 40


def timeline(crossed: pl.DataFrame, runs: pl.DataFrame, on: date) -> Figure | None:
    """The figure, a row a run; None where no day is given.

    Args:
        crossed: rows of `scaling.govern.crossings.crossings` that need a look.
        runs: as `scaling.govern.runs.prepare` gives them.
    """
    rows = [one for run in runs.to_dicts() if (one := _row(run, crossed)) is not None]
    undated = crossed["run"].n_unique() - len(rows)
    drawn, left = rows[:DRAWN], len(rows[DRAWN:])
    if not drawn:
        return None
    plot = _plot(drawn, decimal(on))
    words_ = f"Report day {on}."
    words_ += f" {counted(left, 'run')} more not drawn." if left else ""
    words_ += f" {counted(undated, 'run')} without a date not drawn." if undated else ""
    title = "When each run trains, crosses and is due"
    alt = " ".join(_said(one) for one in drawn)
    legend = (
        swatch("training", line("run", 8, 4)),
        swatch("crossing of a threshold, 5 to 95 %", box("band80", 3, 10)),
        swatch("its median", line("median", 8, 3)),
        swatch("last day of a clock", dot("planned", 5)),
        swatch("report day", line("ink", 8, 1)),
    )
    page = svg_page.sheet(title, words_, alt, [svg_page.TitledPlot("", "", plot)], legend)
    panel = Panel("", "", alt, plot.svg)
    return Figure("timeline", title, words_, alt, (panel,), legend, "", FILE, page)


def decimal(day: date | datetime) -> float:
    """A day as a year with its part (365.25 days each)."""
    moment = day.date() if isinstance(day, datetime) else day
    return 1970.0 + (moment - date(1970, 1, 1)).days / 365.25


def _row(run: dict[str, Any], crossed: pl.DataFrame) -> dict[str, Any] | None:
    """The days of one run, or None where there are none."""
    mine = crossed.filter(pl.col("run") == run["run"])
    if mine.is_empty():
        return None
    dates = mine.select("date_05", "date_50", "date_95").unique(maintain_order=True)
    spans = [row for row in dates.iter_rows() if row[1] is not None]
    due = mine["notify_by"].drop_nulls().unique().sort().to_list()
    ends = run["ended_at"]
    begins = run["started_at"] or ends
    if begins is None and not spans and not due:
        return None
    return {"run": clean(run["run"]), "begins": begins, "ends": ends, "spans": spans, "due": due}


def _said(row: dict[str, Any]) -> str:
    """The row in words."""
    text = f"{row['run']}:"
    if row["begins"] is not None:
        ends = "with no stated end" if row["ends"] is None else f"to {row['ends'].date()}"
        text += f" training {row['begins'].date()} {ends};"
    crossed = ", ".join(sorted({str(middle.date()) for _, middle, _ in row["spans"]}))
    text += f" crossing on {crossed};" if crossed else ""
    due = ", ".join(map(str, row["due"]))
    return text + (f" last days {due};" if due else "")


def _plot(rows: list[dict[str, Any]], now: float) -> Plot:
    height = ROW * len(rows)
    days = [now]
    for row in rows:
        days += [decimal(d) for d in (row["begins"], row["ends"], *row["due"]) if d is not None]
        days += [decimal(d) for span in row["spans"] for d in span if d is not None]
    low, high = min(days), max(days)
    margin = max(0.05 * (high - low), 0.05)
    low, high = low - margin, high + margin
    ticks = _ticks(low, high)
    x = Axis(low, high, ticks, [_label(tick) for tick in ticks], grid=True)
    y = Axis(float(len(rows)), 0.0, shown=False)
    layers = _layers(rows, high)
    layers.append(at(chart([{"x": now}], "x", "rule", color=COLOUR["ink"]), y=0, y2=height))
    return draw(layers, x, y, WIDTH, height, PAD)


def _layers(rows: list[dict[str, Any]], high: float) -> list[Layer]:
    """A layer a kind of mark: as many as there are runs took most of the time of a drawing."""
    bars, spans, middles, due, names = [], [], [], [], []
    for place, row in enumerate(rows):
        y = place + 0.65
        names.append({"y": place + 0.3, "text": shorten(row["run"], NAME)})
        due += [{"x": decimal(day), "y": y} for day in row["due"]]
        if row["begins"] is not None:
            ends = high if row["ends"] is None else decimal(row["ends"])
            bars.append({"x": decimal(row["begins"]), "x2": ends, "y": y})
        for early, middle, late in row["spans"]:
            first, last = decimal(early or middle), high if late is None else decimal(late)
            spans.append({"x": first, "x2": last, "y": y - 0.13, "y2": y + 0.13})
            middles.append({"x": decimal(middle), "y": y - 0.18, "y2": y + 0.18})
    look: dict[str, Any] = {"fill": COLOUR["planned"], "opacity": 1, "strokeWidth": 0, "size": 60}
    made = [
        (bars, chart(bars, "x x2 y", "rule", color=COLOUR["run"], strokeWidth=4)),
        (spans, chart(spans, "x x2 y y2", "rect", color=COLOUR["band80"])),
        (middles, chart(middles, "x y y2", "rule", color=COLOUR["median"], strokeWidth=2.5)),
        (due, chart(due, "x y", "point", **look)),
        (names, at(chart(names, "y text", "text", color=COLOUR["ink"], align="left"), x=2)),
    ]
    return [layer for marks, layer in made if marks]


def _ticks(low: float, high: float) -> list[float]:
    """Starts of months, quarters or years, at most nine."""
    for months in (1, 3, 6, 12, 24, 60, 120):
        first = int(low * 12 // months) * months
        ticks = [one / 12 for one in range(first, int(high * 12) + 1, months) if one / 12 >= low]
        if len(ticks) <= 9:
            return ticks
    return [low, high]


def _label(tick: float) -> str:
    months = round(tick * 12)
    return f"{months // 12}-{months % 12 + 1:02d}"
