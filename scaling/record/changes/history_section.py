"""Parameters over versions: a section that is filled in when published, as what changed is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaling.document.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Group,
    Panel,
    Section,
    Subsection,
    Table,
    Text,
    table,
)
from scaling.document.cells import figure, words
from scaling.document.format import clean, estimate, like
from scaling.document.legend import box, dot, swatch
from scaling.document.palette import COLOUR
from scaling.document.svg import Axis, Layer, Plot, Rows, at, chart, draw
from scaling.document.svg import words as label
from scaling.fitting.study_record import Parameter
from scaling.io.json_files import as_list, as_map, as_number
from scaling.record.versions.ledger import LEDGER, read_lines
from scaling.record.versions.tables import fits
from scaling.report.places import HISTORY

FILE = "changes.json"
# How many earlier versions are shown, the newest.
MOST = 6
WIDE, ROW, REACH = 230, 18, 3.0
PAD = {"left": 70, "right": 10, "top": 4, "bottom": 38}
_LEGEND = (
    swatch("earlier version", dot("run", 3)),
    swatch("previous version", dot("planned", 3.6)),
    swatch("90 % interval now", box("band90", 2, 12)),
)


# --------------------------------------------------------------------------- what is known


def parameter_history(old: Path, new: Path) -> dict[str, Any]:
    """Values in earlier versions and in this one, by study, law and parameter.

    ``versions`` are listed oldest first, this one is not among them; each parameter has its
    ``values`` there (None where a version lacks it), and its value and 90 % interval now.
    """
    entries, _ = read_lines((old.parent / LEDGER).read_bytes())
    names = [entry.version for entry in entries]
    earlier = entries[: names.index(old.name) + 1] if old.name in names else []
    chosen = earlier[-MOST:]
    found = [_parameters(old.parent / entry.version) for entry in chosen]
    return {
        "versions": [{"version": one.version, "issued_at": one.issued_at} for one in chosen],
        "studies": {
            study: {
                law: {name: _history(study, law, name, own, found) for name, own in params.items()}
                for law, params in laws.items()
            }
            for study, laws in _parameters(new).items()
        },
    }


def _parameters(version: Path) -> dict[str, dict[str, Mapping[str, Parameter]]]:
    """Study -> law -> parameter -> its estimate."""
    return {
        study: {fit.law: fit.parameters for fit in record.fits}
        for study, record in fits(version).items()
    }


def _history(
    study: str,
    law: str,
    name: str,
    now: Parameter,
    earlier: list[dict[str, dict[str, Mapping[str, Parameter]]]],
) -> dict[str, Any]:
    found = [one.get(study, {}).get(law, {}).get(name) for one in earlier]
    return {
        "value": now.value,
        "se": now.se,
        "low90": now.low90,
        "high90": now.high90,
        "values": [one and one.value for one in found],
    }


# --------------------------------------------------------------------------- for a person


def section(history: Mapping[str, Any], titles: Mapping[str, str] | None = None) -> Section:
    """One part a study that an earlier version has; ``titles`` are what readers call studies. A
    figure of each stands on the study's own page beside the versions."""
    titles = titles or {}
    versions = [as_map(one) for one in as_list(history.get("versions"))]
    parts = [
        part
        for index, (study, laws) in enumerate(as_map(history.get("studies")).items())
        if (part := study_part(clean(titles.get(study, study)), as_map(laws), versions, index))
    ]
    if not parts:
        return Section(
            HISTORY.id,
            HISTORY.title,
            (Text("No earlier version has fitted these studies."),),
            folded=True,
        )
    text = (
        "Each parameter in the earlier published versions. If one moved by more than its interval, "
        "it was less certain than the interval states, or the data or the method changed."
    )
    return Section(HISTORY.id, HISTORY.title, (Text(text), *parts), folded=True)


def study_part(
    study: str,
    laws: Mapping[str, Any],
    versions: list[Mapping[str, Any]],
    index: int,
    *,
    drawn: bool = False,
) -> Subsection | None:
    """The study's parameters in a table; ``drawn``: in a figure too."""
    known = {
        clean(law): as_map(params)
        for law, params in laws.items()
        if any(as_number(v) is not None for p in as_map(params).values() for v in p["values"])
    }
    if not known:
        return None
    blocks: tuple[Block, ...] = (history_table(study, known, versions, index),)
    if drawn:
        blocks = (_figure(study, known, versions, index), *blocks)
    return Subsection(study, f"history-study-{index}", study, blocks)


def _figure(
    study: str, known: Mapping[str, Any], versions: list[Mapping[str, Any]], index: int
) -> Figure:
    panels = tuple(
        Panel(law, study, f"{law} on {study}: parameters of {len(versions)} earlier versions.",
              history_plot(params).svg, (("study", study), ("law", law)))
        for law, params in known.items()
    )  # fmt: skip
    caption = (
        "Each parameter in earlier versions, as its difference from now in half-widths of its "
        f"90 % interval now; values beyond {REACH:g} are drawn at the edge."
    )
    return Figure(
        f"history-{index}", HISTORY.title, caption, f"Parameters of {study} over versions.", panels,
        _LEGEND, f"history-table-{index}", size="middle",
    )  # fmt: skip


def history_plot(params: Mapping[str, Any]) -> Plot:
    """A row a parameter: dots of earlier versions around the interval now."""
    height = ROW * len(params)
    x = Axis(
        -REACH - 0.3, REACH + 0.3, [-2.0, 0.0, 2.0], ["\u22122", "0", "+2"],
        name="half-widths from now", grid=True,
    )  # fmt: skip
    y = Axis(height, 0, shown=False)
    bars: Rows = []
    dots: dict[str, Rows] = {"run": [], "planned": []}
    names: Rows = []
    for row, (name, estimates) in enumerate(params.items()):
        middle = ROW * (row + 0.5)
        names.append({"text": clean(name), "y": middle})
        value, half = as_number(estimates.get("value")), _half(estimates)
        if value is None or half is None:
            continue
        ends = [as_number(estimates.get(end)) for end in ("low90", "high90")]
        low, high = ((end - value) / half if end is not None else 0.0 for end in ends)
        bars.append({"x": _clip(low), "x2": _clip(high), "y": middle - 6, "y2": middle + 6})
        shifts = [None if v is None else (v - value) / half for v in estimates["values"]]
        for place, shift in enumerate(shifts):
            role = "planned" if place == len(shifts) - 1 else "run"
            if shift is not None:
                dots[role].append({"x": _clip(shift), "y": middle})
    labels = chart(names, "y text", "text", baseline="middle", align="right", color=COLOUR["muted"])
    zero = chart([{"x": 0.0}], "x", "rule", color=COLOUR["median"], strokeWidth=1.5)
    layers = [
        chart(bars, "x x2 y y2", "rect", color=COLOUR["band90"], opacity=1),
        at(zero, y=0, y2=height),
        _dots(dots["run"], "run", "earlier version", 26),
        _dots(dots["planned"], "planned", "previous version", 40),
        at(labels, x=-8),
        label("half-widths from now", WIDE, height + 33, align="right"),
    ]
    return draw(layers, x, y, WIDE, height, PAD)


def _dots(rows: Rows, role: str, tip: str, size: float) -> Layer:
    look: dict[str, Any] = {"fill": COLOUR[role], "strokeWidth": 0, "size": size, "opacity": 0.9}
    return chart(rows, "x y", "point", tip, **look)


def _half(estimates: Mapping[str, Any]) -> float | None:
    low, high = as_number(estimates.get("low90")), as_number(estimates.get("high90"))
    return None if low is None or high is None or high <= low else (high - low) / 2.0


def _clip(value: float) -> float:
    return max(-REACH, min(REACH, value))


def history_table(
    study: str, laws: Mapping[str, Any], versions: list[Mapping[str, Any]], index: int
) -> Table:
    """Parameter by version, this one first and then backwards."""
    columns = (
        Column("parameter"),
        Column("now", numeric=True, strong=True),
        *(
            Column(clean(one["version"])[:8], clean(one["issued_at"])[:10], numeric=True)
            for one in reversed(versions)
        ),
    )
    groups = tuple(
        Group(law, tuple(_row(study, law, clean(name), as_map(p)) for name, p in params.items()))
        for law, params in laws.items()
    )
    return table(f"history-table-{index}", "Parameters by version", columns, groups, "", "law")


def _row(study: str, law: str, name: str, estimates: Mapping[str, Any]) -> tuple[Cell, ...]:
    text = estimate(estimates.get("value"), estimates.get("se"))[0]
    place = f"{FILE}#history, {study}, {law}, {name}"
    values = reversed(as_list(estimates.get("values")))
    return (
        words(name),
        figure(estimates.get("value"), lambda _: text, place),
        *(figure(value, lambda v: like(v, text), place) for value in values),
    )
