"""A file published and reproduced: byte for byte, then number for number where bytes differ."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import polars as pl

# A number in running text, a table or a drawing.
NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Difference:
    """One file that is not the same; ``largest`` is the largest relative difference of its
    numbers, None when more than numbers differ."""

    file: str
    what: str
    largest: float | None = None

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def compare(name: str, old: bytes, new: bytes | None) -> Difference | None:
    """None when the bytes are the same."""
    if new is None:
        return Difference(name, "was not reproduced")
    if old == new:
        return None
    pairs = _pairs(name, old, new)
    if pairs is None:
        return Difference(name, "differs in more than numbers")
    apart = [(_relative(a, b), a, b) for a, b in pairs if a != b and not _both_nan(a, b)]
    if not apart:
        return Difference(name, "the same numbers, written differently", 0.0)
    far, a, b = max(apart)
    what = f"{len(apart)} of {len(pairs)} numbers differ, at most by {far:.2g} ({a!r} is now {b!r})"
    return Difference(name, what, far)


def _pairs(name: str, old: bytes, new: bytes) -> list[tuple[float, float]] | None:
    """The numbers of both side by side; None when the rest is not the same."""
    suffix = PurePosixPath(name).suffix
    try:
        if suffix == ".json":
            return _of_json(json.loads(old), json.loads(new))
        if suffix == ".csv":
            return _of_json(_cells(old), _cells(new))
    except (ValueError, pl.exceptions.PolarsError):
        return None
    if NUMBER.sub(b"#", old) != NUMBER.sub(b"#", new):
        return None
    found = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
    return [(float(a), float(b)) for a, b in found]


def _cells(content: bytes) -> dict[str, list[Any]]:
    return pl.read_csv(content, infer_schema_length=None).to_dict(as_series=False)


def _of_json(old: Any, new: Any) -> list[tuple[float, float]] | None:
    """Numbers of two values of one shape; None when shape, names or words differ."""
    if _is_number(old) and _is_number(new):
        return [(float(old), float(new))]
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        return _joined([_of_json(old[key], new[key]) for key in old])
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return _joined([_of_json(a, b) for a, b in zip(old, new, strict=True)])
    return [] if type(old) is type(new) and old == new else None


def _joined(parts: list[list[tuple[float, float]] | None]) -> list[tuple[float, float]] | None:
    whole: list[tuple[float, float]] = []
    for part in parts:
        if part is None:
            return None
        whole += part
    return whole


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _both_nan(a: float, b: float) -> bool:
    return math.isnan(a) and math.isnan(b)


def _relative(a: float, b: float) -> float:
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf
    return abs(a - b) / max(abs(a), abs(b))
