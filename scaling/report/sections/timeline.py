"""Thresholds in a sentence, a timeline of rules, and when models may pass the next ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from scaling.document.blocks import (
    Beside,
    Block,
    Cell,
    Column,
    Figure,
    Group,
    Panel,
    Table,
    Text,
    table,
)
from scaling.document.cells import figure
from scaling.document.format import DASH, clean, power, share, shorten
from scaling.document.legend import box, swatch
from scaling.document.palette import COLOUR
from scaling.document.svg import RIM, Axis, Plot, Rows, at, chart, draw, words
from scaling.govern import exceedance
from scaling.govern.first_crossing import HORIZON, Line, forecast
from scaling.govern.outlook import THRESHOLDS
from scaling.govern.registry import believed
from scaling.govern.trends import YEAR, copy_of, decimal
from scaling.report.context import Context
from scaling.report.sections.threshold_inputs import RULES, ThresholdInputs

COMPUTE = "training_compute"
SHOWN = ("in_force", "enacted")
# Years before the day and after it.
PAST, FUTURE = 2, 4
ROW = 34
# Quarters of years at which the chance is worked out.
STEP = 0.25
# How far ahead `scaling frontier` looks and calibrates by default.
OUTLOOK = timedelta(days=731)
COPIES_FILE = "data/trends/copies.csv"


@dataclass(frozen=True)
class Waiting:
    """When a public model passes a threshold that none has passed.

    Attributes:
        threshold: FLOP.
        years: quarters from the copy's day on (n,), decimal.
        chance: that it has been passed by then (n,), given that it has not by that day.
    """

    threshold: float
    years: tuple[float, ...]
    chance: tuple[float, ...]


def timeline_blocks(
    ctx: Context, inputs: ThresholdInputs, compared: pl.DataFrame
) -> tuple[Block, ...]:
    """A sentence, the rules on a line of time, chances by date, chances by target."""
    rules = _rules(inputs)
    waits, copy = waiting(inputs)
    blocks: list[Block] = [Text(_finding(inputs, rules))]
    if rules.height:
        blocks.append(_timeline(inputs, rules))
    blocks.append(chance_table(ctx, inputs, compared))
    if waits and copy:
        blocks.append(Beside((_chances(waits, copy), date_table(waits, copy)), even=True))
    return tuple(blocks)


def _finding(inputs: ThresholdInputs, rules: pl.DataFrame) -> str:
    on = inputs.asked.on
    now = rules.filter(
        pl.col("status") == "in_force",
        pl.col("effective_from") <= on,
        pl.col("effective_to").is_null() | (pl.col("effective_to") > on),
    )
    number = now["rule"].n_unique()
    least = now["value"].min()
    count = {0: "No rule", 1: "One rule"}.get(number, f"{number} rules")
    first = f", the lowest at {power(least)} FLOP" if isinstance(least, float) else ""
    hold = "holds" if number == 1 else "hold"
    return (
        f"{count} on training compute {hold} on {on}{first}. Which of them apply depends on more "
        "than compute: who trains, for what, and where the model is offered. This compares "
        "numbers; it is no legal advice."
    )


def _rules(inputs: ThresholdInputs) -> pl.DataFrame:
    """Periods in which a rule on training compute is or was enacted or in force, as known now."""
    on = inputs.asked.on
    known = believed(inputs.registry.rules, on).filter(
        pl.col("quantity") == COMPUTE, pl.col("status").is_in(SHOWN)
    )
    current = known.filter(pl.col("effective_to").is_null() | (pl.col("effective_to") > on))
    return known.filter(pl.col("rule").is_in(current["rule"].implode())).sort(
        "value", "jurisdiction", "rule", "effective_from"
    )


# --------------------------------------------------------------------------- timeline


def _timeline(inputs: ThresholdInputs, rules: pl.DataFrame) -> Figure:
    named = [part.to_dicts() for _, part in rules.group_by("rule", maintain_order=True)]
    alt = "Rules on training compute: " + "; ".join(_alt(periods) for periods in named) + "."
    on = inputs.asked.on
    wide, narrow = (_timeline_plot(named, on, size) for size in (800, 258))
    return Figure(
        id="timeline",
        title="Rules on training compute over time",
        caption=f"As known on {on}. Proposed, rescinded and superseded rules are in the appendix.",
        alt=alt,
        panels=(Panel("", "", alt, wide.svg, (), narrow.svg),),
        legend=(
            swatch("in force", box("median", 4, 8)),
            swatch("enacted, not yet in force", box("band50", 4, 8)),
        ),
        table="governance-table",
        size="hero",
    )


def _alt(periods: list[dict[str, Any]]) -> str:
    last = periods[-1]
    text = ", ".join(f"{p['status'].replace('_', ' ')} from {p['effective_from']}" for p in periods)
    return f"{power(last['value'])} FLOP, {_name(last)}: {text}"


def _name(row: dict[str, Any]) -> str:
    return f"{clean(row['jurisdiction'])}: {clean(row['instrument'])}, {clean(row['provision'])}"


def _timeline_plot(named: list[list[dict[str, Any]]], on: date, width: int) -> Plot:
    today = decimal(on)
    first, last = float(on.year - PAST), float(on.year + FUTURE)
    height = ROW * len(named)
    bars: dict[str, Rows] = {"median": [], "band50": []}
    layers = []
    for place, periods in enumerate(named):
        top = ROW * place
        for one in periods:
            end = decimal(one["effective_to"]) if one["effective_to"] else last
            ends = max(decimal(one["effective_from"]), first), min(end, last)
            role = "median" if one["status"] == "in_force" else "band50"
            if ends[0] < ends[1]:
                bars[role].append({"x": ends[0], "x2": ends[1], "y": top + 20.0, "y2": top + 28.0})
        text = f"{power(periods[-1]['value'])}  {_name(periods[-1])}"
        layers.append(words(shorten(text, width // 7), 0, top + 14, color=COLOUR["ink"], **RIM))
    step = 1 if width > 400 else 2
    ticks = [float(year) for year in range(int(first), int(last) + 1, step)]
    x = Axis(first, last, ticks, [f"{tick:.0f}" for tick in ticks], name="year", grid=True)
    y = Axis(float(height), 0.0, shown=False)
    now = at(
        chart([{"x": today}], "x", "rule", color=COLOUR["planned"], strokeDash=[3, 3]),
        y=0,
        y2=height,
    )
    drawn = [
        chart(rows, "x x2 y y2", "rect", color=COLOUR[role], opacity=1)
        for role, rows in bars.items()
    ]
    pad = {"left": 12, "right": 18, "top": 6, "bottom": 26}
    return draw([*drawn, now, *layers], x, y, width, height, pad)


# --------------------------------------------------------------------------- chances of the targets


def chance_table(ctx: Context, inputs: ThresholdInputs, compared: pl.DataFrame) -> Table:
    """Target by threshold: the chance that the run ends above it."""
    planned = compared.filter(pl.col("state") == "planned", pl.col("run").is_in(list(ctx.titles)))
    values = sorted(planned["threshold"].unique().to_list())
    columns = (Column("target"), *(Column(power(v), "FLOP", numeric=True) for v in values))
    rows = []
    for key, title in ctx.titles.items():
        own = planned.filter(pl.col("run") == key)
        chances = dict(own.group_by("threshold").agg(pl.col("p_final").max()).iter_rows())
        rows.append((Cell(title, key), *(_chance(chances.get(v), key, v) for v in values)))
    note = "From the error of each estimate of compute, log-normal. A dash: under 1 %."
    groups = (Group("", tuple(rows) if values else ()),)
    return table(
        "chance-table", "Chance that a target ends above", columns, groups, note, sourced=False
    )


def _chance(value: Any, run: str, threshold: float) -> Cell:
    place = f"params.yaml#forecast.targets.{clean(run)} + {RULES}#value {threshold:g}"
    if not isinstance(value, float) or value < 0.01:
        return Cell(DASH, value if isinstance(value, float) else None, "", place)
    return figure(value, share, place)


# --------------------------------------------------------------------------- chances by date


def waiting(inputs: ThresholdInputs) -> tuple[list[Waiting], date | None]:
    """Thresholds that no public model has passed by the newest copy of the table of models on the
    day, with the chance of each by date; nothing without such a copy."""
    copies = inputs.copies
    if copies is None or not (copies["copy"] <= inputs.asked.on).any():
        return [], None
    models = copy_of(copies, inputs.asked.on)
    copy = models["copy"][0]
    today, ahead = decimal(copy), [STEP * n for n in range(int(FUTURE / STEP) + 1)]
    largest = float(models["flop"].max())  # type: ignore[arg-type]  # polars types it too widely
    later = [value for value in THRESHOLDS if value > largest]
    if not later:
        return [], None
    # As `scaling frontier` calibrates, so that both say the same of a day.
    until = decimal(inputs.asked.on + OUTLOOK)
    width = exceedance.calibrate(models, until - today, today).width
    found = []
    for threshold in later:
        made = forecast(models, Line(threshold), copy, width)
        chances = tuple(made.by(copy + timedelta(days=round(YEAR * h))) for h in ahead)
        found.append(Waiting(threshold, tuple(today + h for h in ahead), chances))
    return found, copy


def _chances(waits: Sequence[Waiting], copy: date) -> Figure:
    texts = [
        f"{power(one.threshold)} FLOP: " + ", ".join(
            f"{share(chance)} by {year:.1f}"
            for year, chance in zip(one.years[4::4], one.chance[4::4], strict=True)
        )
        for one in waits
    ]  # fmt: skip
    alt = "Chance that a public model has passed. " + "; ".join(texts) + "."
    caption = (
        f"From the models known on {copy}, as their number above each line has grown "
        "(`scaling frontier`). On past copies, 8 % of outcomes came before the 5 % point and none "
        "after the 95 % point."
    )
    panel = Panel("", "", alt, _chance_plot(waits).svg)
    title = "When will a public model pass the next power of ten?"
    return Figure("by-date", title, caption, alt, (panel,), (), "date-table", size="half")


def _chance_plot(waits: Sequence[Waiting]) -> Plot:
    first, last = waits[0].years[0], waits[0].years[-1]
    lines, ends = [], []
    for one in waits:
        rows: Rows = [{"x": x, "y": 100 * c} for x, c in zip(one.years, one.chance, strict=True)]
        lines.append(
            chart(
                rows, "x y", "line", power(one.threshold), color=COLOUR["median"], strokeWidth=2.25
            )
        )
        half = next((n for n, c in enumerate(one.chance) if c >= 0.5), len(one.chance) - 1)
        spot = {"x": one.years[half], "y": 100 * one.chance[half]}
        ends.append({**spot, "text": power(one.threshold)})
    ticks = [float(year) for year in range(int(first) + 1, int(last) + 1)]
    x = Axis(first, last, ticks, [f"{t:.0f}" for t in ticks], name="year", form="n")
    y = Axis(
        0.0,
        100.0,
        [0, 25, 50, 75, 100],
        ["0", "25", "50", "75", "100 %"],
        name="chance %",
        grid=True,
    )
    labels = chart(
        ends, "x y text", "text", color=COLOUR["ink"], dx=6, align="left", fontWeight=700
    )
    pad = {"left": 44, "right": 44, "top": 10, "bottom": 28}
    return draw([*lines, labels], x, y, 206, 160, pad)


def date_table(waits: Sequence[Waiting], copy: date) -> Table:
    """Threshold by date: the chance that a public model has passed it."""
    years = [copy.year + n for n in range(1, FUTURE + 1)]
    ends = [float(year) for year in years]
    columns = (
        Column("threshold", "FLOP"),
        *(Column(f"by end of {year - 1}", numeric=True) for year in years),
    )
    place = f"{COPIES_FILE}#copy {copy}, first crossing"
    rows = tuple(
        (
            Cell(power(one.threshold), one.threshold, "FLOP", place),
            *(figure(_at(one, end), _likely, place) for end in ends),
        )
        for one in waits
    )
    title = "Chance that a public model has passed"
    note = f"Given that none had by {copy}. Chances beyond {HORIZON:g} years are not given."
    return table("date-table", title, columns, (Group("", rows),), note)


def _likely(chance: float) -> str:
    """A chance by a trend alone is never certain."""
    return "over 99 %" if chance > 0.99 else "under 1 %" if chance < 0.01 else share(chance)


def _at(one: Waiting, year: float) -> float | None:
    """The chance by the beginning of the year, between two quarters by a straight line."""
    pairs = list(zip(one.years, one.chance, strict=True))
    for (x0, y0), (x1, y1) in itertools.pairwise(pairs):
        if x0 <= year <= x1:
            return y0 + (y1 - y0) * (year - x0) / (x1 - x0)
    return None
