"""Cells of evidence packs: one way to show each kind of value, a dash where there is none."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from scaling.document.blocks import MISSING, Cell, Column
from scaling.document.format import clean, scientific, share


def wide(*names: str) -> tuple[Column, ...]:
    """Columns of words, which wrap."""
    return tuple(Column(name, long=True) for name in names)


def text(value: Any) -> Cell:
    """Any value as words."""
    if value is None:
        return MISSING
    return Cell(clean(value), str(value) if isinstance(value, date) else value)


def figure(value: float | None, shown: str, unit: str, before: str = "") -> Cell:
    """A number with its unit, and a comparator before it."""
    return MISSING if value is None else Cell(f"{before}{shown} {unit}".strip(), value, unit)


def band(central: float | None, low: float | None, high: float | None) -> Cell:
    """A central figure with its 5 and 95 % points."""
    if central is None:
        return MISSING
    shown = scientific(central)
    if low is not None and high is not None and low < high:
        shown += f" ({scientific(low)} to {scientific(high)})"
    return Cell(shown, central)


def ratio(value: float | None) -> Cell:
    """A ratio to three digits."""
    if value is None:
        return MISSING
    return Cell(f"{value:.3g}" if value < 1000 else scientific(value, 3), value)


def chance(value: float | None) -> Cell:
    """A probability as a percentage."""
    return MISSING if value is None else Cell(share(value), value)


def day_of(moment: datetime | None, zone: str | None = None) -> str | None:
    """The day of a moment in a time zone (UTC where there is none)."""
    return None if moment is None else str(moment.astimezone(ZoneInfo(zone or "UTC")).date())


def dates(row: dict[str, Any]) -> Cell:
    """The middle date of a crossing with the 5 and 95 % ones, in the rule's time zone."""
    early, middle, late = (day_of(row[f"date_{q}"], row["clock_zone"]) for q in ("05", "50", "95"))
    if middle is None and early is None:
        return MISSING
    return text(f"{middle or 'never'} ({early or 'never'} to {late or 'never'})")
