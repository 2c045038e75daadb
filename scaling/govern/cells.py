"""Cells of evidence packs: one way to show each kind of value, and words where there is none."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

from scaling.document.blocks import Cell, Column
from scaling.document.format import clean, scientific, share

# An unknown is said in words: a filing has no empty cell that could be read as zero or as none.
NOT_STATED = Cell("not stated")
# In a redacted pack one cannot tell which, and is not to.
WITHHELD = Cell("withheld or not stated")


def wide(*names: str) -> tuple[Column, ...]:
    """Columns of words, which wrap."""
    return tuple(Column(name, long=True) for name in names)


def text(value: Any, absent: str = NOT_STATED.text) -> Cell:
    """Any value as words; ``absent`` where there is none."""
    if value is None:
        return Cell(absent)
    return Cell(clean(value), str(value) if isinstance(value, date) else value)


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is a number."""
    return value is not None and math.isfinite(value)


def figure(value: float | None, shown: str, unit: str, before: str = "") -> Cell:
    """A number with its unit, and a comparator before it."""
    return Cell(f"{before}{shown} {unit}".strip(), value, unit) if known(value) else NOT_STATED


def band(central: float | None, low: float | None, high: float | None) -> Cell:
    """A central figure with its 5 and 95 % points."""
    if not known(central):
        return NOT_STATED
    shown = scientific(central)
    if low is not None and high is not None and low < high:
        shown += f" ({scientific(low)} to {scientific(high)})"
    return Cell(shown, central)


def ratio(value: float | None) -> Cell:
    """A ratio to three digits."""
    if not known(value):
        return NOT_STATED
    return Cell(f"{value:.3g}" if value < 1000 else scientific(value, 3), value)


def chance(value: float | None) -> Cell:
    """A probability as a percentage."""
    return Cell(share(value), value) if known(value) else NOT_STATED


def day_of(moment: datetime | None, zone: str | None = None) -> str | None:
    """The day of a moment in a time zone (UTC where there is none)."""
    return None if moment is None else str(moment.astimezone(ZoneInfo(zone or "UTC")).date())


def dates(row: dict[str, Any]) -> Cell:
    """The middle date of a crossing with the 5 and 95 % ones, in the rule's time zone."""
    early, middle, late = (day_of(row[f"date_{q}"], row["clock_zone"]) for q in ("05", "50", "95"))
    if middle is None and early is None:
        return NOT_STATED
    return text(f"{middle or 'never'} ({early or 'never'} to {late or 'never'})")
