"""Cells with their unit behind the number, such as 1.3B, and units stated as NAME:UNIT."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection

import polars as pl

from scaling.errors import InputError
from scaling.runs.schema import RUN, by_name
from scaling.runs.units import (
    COMPUTE,
    COUNTS,
    LOSSES,
    MOMENTS,
    SHARES,
    has_suffix,
    in_full,
    units_of,
)

_BY_NAME = by_name(RUN)

# Our name -> the column that it comes from, and the unit that was stated.
Sources = dict[str, tuple[str, str | None]]
# A unit -> how it is stated; our name and theirs -> that.
Say = Callable[[str], str]
SayFor = Callable[[str, str], Say]


def map_flag(ours: str, theirs: str) -> Say:
    """How a unit is stated on the command line."""
    return lambda unit: f"--map {shlex.quote(f'{ours}={theirs}:{unit}')}"


def stated_units(ours: str) -> tuple[str, ...]:
    """Units that ``NAME:UNIT`` may state for a column: of counts, of compute, or of results."""
    units = units_of(ours)
    if units and units is not MOMENTS:
        return tuple(units)
    if ours in _BY_NAME and ours != "value":
        return ()
    return LOSSES if "loss" in ours else (*LOSSES, *SHARES)


def split(text: str, ours: str, columns: Collection[str] = ()) -> tuple[str, str | None]:
    """Column and unit of ``NAME[:UNIT]``; a column of the whole name goes before.

    Raises:
        InputError: a column's name with a unit that there is not.
    """
    name, colon, unit = text.rpartition(":")
    allowed = stated_units(ours)
    if not colon or text in columns:
        return text, None
    if unit in allowed:
        return name, unit
    if name in columns:
        listed = ", ".join(allowed) or "none"
        raise InputError(f"unknown unit of {ours}", column=name, value=unit, allowed=listed)
    return text, None


def numbers(cells: pl.Series, ours: str = "params") -> pl.Series:
    """Cells of any dtype as numbers; as text, to be refused where it is read, if some are none.

    Counts and compute, which is what ``ours`` says, may have their unit behind them: 7B, 2 PF-days.
    Other than numbers, texts and categories stay as they are.
    """
    if cells.dtype.is_numeric():
        return cells.cast(pl.Float64) if cells.dtype.is_decimal() else cells
    text = text_of(cells)
    if text is None:
        return cells
    made = text.cast(pl.Float64, strict=False)
    if has_units(ours) and made.null_count() > text.null_count():
        text = text.to_frame().select(in_full(pl.col(text.name), ours)).to_series()
        made = text.cast(pl.Float64, strict=False)
    return made if made.null_count() == text.null_count() else text


def text_of(cells: pl.Series) -> pl.Series | None:
    """Stripped text, blank cells null; None where the cells are none."""
    if cells.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return None
    text = cells.cast(pl.String).str.strip_chars()
    return text.to_frame().select(pl.col(text.name).replace("", None)).to_series()


def has_units(name: str) -> bool:
    return units_of(name) in (COUNTS, COMPUTE)


def states_units(cells: pl.Series, ours: str) -> bool:
    """Whether every filled cell has its unit behind its number."""
    text = text_of(cells)
    return text is not None and bool((suffixed(text, ours) | text.is_null()).all())


def suffixed(text: pl.Series, ours: str) -> pl.Series:
    return text.to_frame().select(has_suffix(pl.col(text.name), ours)).to_series()
