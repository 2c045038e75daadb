"""``report.json``: the model without drawings, nothing said twice; and the model's cells from it.

A cell has its ``text``; its ``value`` unless that is the text; its ``unit`` as a place in the list
``units``; its ``origin`` as a place in the list ``places``, or as [such a place, the rest]. `load`
puts them back, and reads what earlier versions wrote, with every cell in full.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from scaling.report.blocks import Cell, Report

_DRAWN = {"svg", "sheet", "keys", "size"}
_SPLIT = re.compile(r".*[#.,\]] ?")


def to_json(report: Report) -> str:
    """Every block with its values and origins; drawings stay in their files."""
    told = Counter(cell.origin for cell in _cells(report) if cell.origin)
    places = {text: at for at, text in enumerate(text for text, n in told.items() if n > 1)}
    units: dict[str, int] = {}
    whole = _plain(report, places, units) | {"places": list(places), "units": list(units)}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text + "\n"


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


def _short(cell: Cell, places: dict[str, int], units: dict[str, int]) -> dict[str, Any]:
    made: dict[str, Any] = {"text": cell.text}
    if cell.value != cell.text:
        made["value"] = _finite(cell.value)
    if cell.unit:
        made["unit"] = units.setdefault(cell.unit, len(units))
    if cell.origin in places:
        made["origin"] = places[cell.origin]
    elif cell.origin:
        found = _SPLIT.match(cell.origin)
        cut = found.end() if found else 0
        place = places.setdefault(cell.origin[:cut], len(places))
        made["origin"] = [place, cell.origin[cut:]]
    more = {"tone": cell.tone, "link": cell.link}
    return made | {name: said for name, said in more.items() if said}


def _finite(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _full(value: Any, places: list[str], units: list[str]) -> Any:
    if isinstance(value, list):
        return [_full(one, places, units) for one in value]
    if not isinstance(value, dict):
        return value
    if "text" not in value or "kind" in value:
        return {name: _full(one, places, units) for name, one in value.items()}
    origin = value.get("origin", "")
    if isinstance(origin, int):
        origin = places[origin]
    elif origin:
        origin = places[origin[0]] + origin[1]
    return {
        "text": value["text"],
        "value": value.get("value", value["text"]),
        "unit": units[value["unit"]] if "unit" in value else "",
        "origin": origin,
        "tone": value.get("tone", ""),
    } | ({"link": value["link"]} if "link" in value else {})
