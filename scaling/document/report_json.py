"""``report.json``: the model without drawings, nothing said twice; and the model's cells from it.

A cell is a list: text, value, origin, unit, tone, link, note, without the empty ones at its end. An
empty list as value is the text itself. An origin is a place in the list ``places``, or such a place
and the rest; a unit is a place in the list ``units``. `load` makes cells with names of them, and
reads what earlier versions wrote, with every cell in full.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from scaling.document.blocks import Cell, Report, Section

_DRAWN = {"svg", "narrow", "sheet", "keys", "size", "mathml"}
_SPLIT = re.compile(r".*[#.,\]] ?")


def to_json(report: Report) -> str:
    """Every block with its values and origins; drawings stay in their files."""
    uses = Counter(cell.origin for cell in _cells(report) if cell.origin)
    places = {text: at for at, text in enumerate(text for text, n in uses.items() if n > 1)}
    units: dict[str, int] = {}
    whole = _plain(report, places, units) | {"places": list(places), "units": list(units)}
    return _written(whole)


def _cells(value: Any) -> Iterator[Cell]:
    if isinstance(value, Cell):
        yield value
    elif dataclasses.is_dataclass(value):
        for item in dataclasses.fields(value):
            yield from _cells(getattr(value, item.name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _cells(one)


def load(text: str | bytes) -> Any:
    """The JSON of a version with its cells in full."""
    whole = json.loads(text)
    if not isinstance(whole, dict) or "places" not in whole:
        return whole
    places, units = whole.pop("places"), whole.pop("units")
    return _full(whole, places, units)


def with_section(text: str, section: Section) -> str:
    """The JSON with this section in the place of the one of the same id."""
    whole = json.loads(text)
    places = {place: at for at, place in enumerate(whole["places"])}
    units = {unit: at for at, unit in enumerate(whole["units"])}
    entry = _plain(section, places, units)
    kept = [entry if one["id"] == section.id else one for one in whole["sections"]]
    return _written(whole | {"sections": kept, "places": list(places), "units": list(units)})


def _written(whole: Any) -> str:
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def _plain(value: Any, places: dict[str, int], units: dict[str, int]) -> Any:
    if isinstance(value, Cell):
        return _short(value, places, units)
    if dataclasses.is_dataclass(value):
        names = [item.name for item in dataclasses.fields(value) if item.name not in _DRAWN]
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        return kind | {name: _plain(getattr(value, name), places, units) for name in names}
    if isinstance(value, tuple):
        return [_plain(item, places, units) for item in value]
    return value


def _short(cell: Cell, places: dict[str, int], units: dict[str, int]) -> list[Any]:
    value = [] if cell.value == cell.text else _finite(cell.value)
    unit = units.setdefault(cell.unit, len(units)) if cell.unit else ""
    place = _place(cell.origin, places)
    entry = [cell.text, value, place, unit, cell.tone, cell.link, cell.note]
    while len(entry) > 1 and entry[-1] in ("", []):
        entry.pop()
    return entry


def _place(origin: str, places: dict[str, int]) -> Any:
    if origin in places or not origin:
        return places.get(origin, "")
    found = _SPLIT.match(origin)
    cut = found.end() if found else 0
    return [places.setdefault(origin[:cut], len(places)), origin[cut:]]


def _finite(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _full(value: Any, places: list[str], units: list[str]) -> Any:
    """The same with cells in full: they stand in rows and among the facts."""
    if isinstance(value, list):
        return [_full(one, places, units) for one in value]
    if not isinstance(value, dict):
        return value
    full = {name: _full(one, places, units) for name, one in value.items()}
    if "rows" in value:
        full["rows"] = [[_cell(one, places, units) for one in row] for row in value["rows"]]
    if "facts" in value:
        full["facts"] = [_cell(one, places, units) for one in value["facts"]]
    for name in ("cell", "badge", "home"):
        if isinstance(value.get(name), list):
            full[name] = _cell(value[name], places, units)
    return full


def _cell(entry: list[Any], places: list[str], units: list[str]) -> dict[str, Any]:
    empty: list[Any] = ["", [], "", "", "", "", ""]
    whole = entry + empty[len(entry) :]
    text, value, origin, unit, tone, link, note = whole
    if isinstance(origin, list):
        origin = places[origin[0]] + origin[1]
    elif origin != "":
        origin = places[origin]
    return {
        "text": text,
        "value": text if value == [] else value,
        "unit": "" if unit == "" else units[unit],
        "origin": origin,
        "tone": tone,
        **({"link": link} if link else {}),
        **({"note": note} if note else {}),
    }
