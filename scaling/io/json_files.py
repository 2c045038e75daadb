"""JSON files: written whole, in one form, and read with their shape checked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaling.io import atomic


def json_text(value: Any) -> str:
    """JSON with sorted keys, two spaces, NaN and infinities as null, and a final newline."""
    text = json.dumps(_plain(value), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return text + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `json_text`, whole."""
    atomic.write(path, json_text(value).encode())


_NUMBERS = re.compile(r"\[\s+((?:-?\d[\d.e+-]*|null)(?:,\s+(?:-?\d[\d.e+-]*|null))*)\s+\]")


def write_figures(path: Path, value: Any) -> None:
    """Write `json_text`, whole, with each list of numbers on one line."""
    text = _NUMBERS.sub(lambda found: f"[{' '.join(found.group(1).split())}]", json_text(value))
    atomic.write(path, text.encode())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def as_map(value: Any) -> Mapping[str, Any]:
    """The value when it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_number(value: Any) -> float | None:
    """The value as a finite float, or None (a bool is no number)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
