"""Cells of tables: words, figures, and both with what a page shows on hover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scaling.document.blocks import MISSING, Cell
from scaling.document.format import between, clean
from scaling.io.json_files import as_number


def words(value: Any, origin: str = "") -> Cell:
    """A cell of text from data."""
    text = clean(value) if value is not None else ""
    return Cell(text, text, origin=origin) if text else MISSING


def figure(value: Any, form: Callable[[Any], str], origin: str, unit: str = "") -> Cell:
    """A cell of one number; a dash when it is missing."""
    found = as_number(value)
    return MISSING if found is None else Cell(form(found), found, unit, origin)


def both(low: Any, high: Any, form: Callable[[Any], str], origin: str, unit: str = "") -> Cell:
    """A cell of two ends; a dash when either is missing."""
    ends = as_number(low), as_number(high)
    if ends[0] is None or ends[1] is None:
        return MISSING
    return Cell(between(form(low), form(high)), (ends[0], ends[1]), unit, origin)
