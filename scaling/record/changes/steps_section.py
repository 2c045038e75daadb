"""The median of each study at its farthest target, version by version: a waterfall of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from scaling.document.blocks import Block, Cell, Column, Figure, Group, Panel, Table, table
from scaling.document.cells import figure, words
from scaling.document.format import clean, loss, shift
from scaling.document.legend import box, swatch
from scaling.document.palette import COLOUR
from scaling.document.svg import RIM, Axis, Plot, Rows, at, chart, draw
from scaling.document.svg import words as label
from scaling.document.ticks import even_ticks
from scaling.io.json_files import as_list, as_map, as_number
from scaling.io.tables import unguarded
from scaling.record.versions.files import FORECAST, read
from scaling.record.versions.ledger import LEDGER, read_lines, short
from scaling.report.names import brief

FILE = "changes.json"
# Versions that are compared at most, the newest; and steps of a share below this are left out.
MOST, SMALL = 12, 1e-3
# Steps that fit a panel with their numbers; of more, the largest are drawn one by one.
DRAWN = 3
SIZE = (168, 130)
PAD = {"left": 32, "right": 6, "top": 16, "bottom": 38}
Titles = Mapping[str, str]


def median_steps(old: Path, new: Path) -> dict[str, Any]:
    """Medians of all laws together at each study's target of most compute, in the earlier versions
    and, last, in this one; None where a version has no such forecast."""
    entries, _ = read_lines((old.parent / LEDGER).read_bytes())
    names = [entry.version for entry in entries]
    earlier = entries[: names.index(old.name) + 1] if old.name in names else []
    chosen = earlier[-MOST:]
    found = [_medians(old.parent / one.version) for one in chosen]
    now = _medians(new)
    studies = {}
    for study in sorted({study for study, _ in now}):
        own = {target: value for (name, target), value in now.items() if name == study}
        target = max(own, key=lambda name: (own[name][1], name))
        before = [one.get((study, target), (None, 0.0))[0] for one in found]
        studies[study] = {"target": target, "medians": [*before, own[target][0]]}
    versions = [{"version": one.version, "issued_at": one.issued_at} for one in chosen]
    return {"versions": versions, "studies": studies}


def _medians(version: Path) -> dict[tuple[str, str], tuple[float | None, float]]:
    """(study, target) -> median and FLOP; nothing where the table cannot be read."""
    try:
        frame = unguarded(pl.read_csv(read(version, FORECAST)))
        chosen = frame.filter(pl.col("law") == "ensemble", pl.col("quantile") == 0.5)
        rows = chosen.select("study", "target", "value", "flops").iter_rows()
        return {(str(s), str(t)): (as_number(v), as_number(c) or 0.0) for s, t, v, c in rows}
    except (OSError, pl.exceptions.PolarsError):
        return {}


def step_blocks(steps: Mapping[str, Any], titles: Titles, targets: Titles) -> list[Block]:
    """A panel a study that an earlier version has, and the table of every step; nothing otherwise.

    ``titles`` and ``targets`` are what readers call studies and targets.
    """
    versions = [as_map(one) for one in as_list(steps.get("versions"))]
    known = {
        study: [as_number(value) for value in as_list(as_map(one).get("medians"))]
        for study, one in as_map(steps.get("studies")).items()
    }
    known = {study: v for study, v in known.items() if any(x is not None for x in v[:-1])}
    if not known:
        return []
    name = {study: clean(titles.get(study, study)) for study in known}
    aims = {
        study: clean(targets.get(aim, aim))
        for study, one in as_map(steps.get("studies")).items()
        if (aim := str(as_map(one).get("target")))
    }
    panels = tuple(
        Panel(brief(name[study]), aims[study], _alt(name[study], values),
              steps_plot(values, versions).svg, (("study", name[study]),))
        for study, values in known.items()
    )  # fmt: skip
    drawn = Figure(
        "steps", "The median over versions",
        f"From the first of the newest {len(versions)} earlier versions to this one. Steps under "
        f"{100 * SMALL:g} % are left out; of more than {DRAWN} steps the smallest are joined.",
        "Median at the farthest target over versions. " + " ".join(p.alt for p in panels), panels,
        (swatch("up", box("planned", 4, 8)), swatch("down", box("median", 4, 8))), "steps-table",
        size="small",
    )  # fmt: skip
    return [drawn, steps_table(known, name, aims, versions)]


def _alt(name: str, values: Sequence[float | None]) -> str:
    found = [value for value in values if value is not None]
    return f"{name}: median from {loss(found[0])} to {loss(found[-1])}."


def _steps(values: Sequence[float | None]) -> list[tuple[int, float, float]]:
    """Place of the version, level before and after, of each step that counts; joined where there
    are more than `DRAWN`."""
    found: list[tuple[int, float, float]] = []
    level: float | None = None
    for place, value in enumerate(values):
        if value is None:
            continue
        if level is not None and abs(value / level - 1.0) >= SMALL:
            found.append((place, level, value))
        level = value if level is None or abs(value / level - 1.0) >= SMALL else level
    while len(found) > DRAWN:
        least = min(range(len(found)), key=lambda n: abs(found[n][2] - found[n][1]))
        other = least - 1 if least else 1
        first, last = sorted((least, other))
        found[first : last + 1] = [(found[last][0], found[first][1], found[last][2])]
    return found


def steps_plot(values: Sequence[float | None], versions: Sequence[Mapping[str, Any]]) -> Plot:
    """First level, each step as a bar between its levels, and the level now."""
    wide, high = SIZE
    known = [value for value in values if value is not None]
    steps = _steps(values)
    bars = [("run", known[0], known[0], "first"), *(
        ("planned" if after > before else "median", before, after, _day(place, versions))
        for place, before, after in steps
    ), ("run", known[-1], known[-1], "now")]  # fmt: skip
    levels = [level for _, one, other, _ in bars for level in (one, other)]
    room = (max(levels) - min(levels)) or 0.01 * abs(max(levels)) or 0.1
    low, top = min(levels) - 0.35 * room, max(levels) + 0.35 * room
    step = wide / len(bars)
    layers = []
    for n, (role, before, after, text) in enumerate(bars):
        middle = step * (n + 0.5)
        ends = {"x": middle - 0.36 * step, "x2": middle + 0.36 * step}
        if before == after:
            rule = chart(
                [{**ends, "y": after}], "x x2 y", "rule", color=COLOUR["ink"], strokeWidth=3
            )
            layers.append(rule)
            shown = f"{after:.2f}"
        else:
            rows: Rows = [{**ends, "y": before, "y2": after}]
            layers.append(chart(rows, "x x2 y y2", "rect", color=COLOUR[role], opacity=1))
            shown = shift(after - before, 2)
        spot = high * (top - max(before, after)) / (top - low) - 5
        layers.append(label(shown, middle, spot, align="center", color=COLOUR["ink"], **RIM))
        layers.append(label(text, middle, high + 16, align="center"))
    ticks = even_ticks(low, top, 3)
    x = Axis(0.0, float(wide), shown=False)
    y = Axis(low, top, ticks, [f"{tick:.3g}" for tick in ticks], name="median loss", grid=True)
    base = at(chart([{"x": 0.0, "x2": float(wide)}], "x x2", "rule", color=COLOUR["axis"]), y=high)
    return draw([*layers, base], x, y, wide, high, PAD)


def _day(place: int, versions: Sequence[Mapping[str, Any]]) -> str:
    """Day and month of the version; "now" is the one without an entry."""
    if place >= len(versions):
        return "now"
    return clean(versions[place].get("issued_at") or "")[5:10]


def steps_table(
    known: Mapping[str, Sequence[float | None]],
    name: Titles,
    aims: Titles,
    versions: Sequence[Mapping[str, Any]],
) -> Table:
    """Version by study: the median, newest first."""
    columns = (
        Column("version"),
        Column("issued"),
        *(Column(brief(name[study]), aims[study], numeric=True) for study in known),
    )
    labels = [(short(clean(one["version"])), clean(one["issued_at"])[:10]) for one in versions]
    rows = tuple(
        (
            Cell(version, version),
            words(day),
            *(figure(values[n], loss, f"{FILE}#steps, {study}") for study, values in known.items()),
        )
        for n, (version, day) in reversed(list(enumerate([*labels, ("this version", "now")])))
    )
    title = "Median at the farthest target, by version"
    return table("steps-table", title, columns, (Group("", rows),))
