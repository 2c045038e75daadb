"""Reading a table against its columns; the first cell that is wrong is named, with what is allowed.

Numbers are floats. A number with more digits than those hold keeps its text in ``digits``, a JSON
object of column to text, null in all other rows, so that thresholds are compared exactly.

Great Expectations checks the registry too (`scaling.govern.check`); this is what every command can
afford.
"""

from __future__ import annotations

import json
import math
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, nearest
from scaling.runs.formats import read_cells, to_schema
from scaling.runs.schema import Column


def read(path: Path, columns: tuple[Column, ...]) -> pl.DataFrame:
    """The file in the columns' dtypes, with ``row`` (data rows from 1) and ``digits``.

    Raises:
        InputError: unknown or missing column, a cell of the wrong type, out of range, not among
            the allowed words, or missing where it is required.
    """
    try:
        return typed(read_cells(path), columns)
    except InputError as error:
        raise error.at(path) from None


def typed(cells: pl.DataFrame, columns: tuple[Column, ...]) -> pl.DataFrame:
    """As `read`, from cells; numbers and dates may be typed already."""
    known = [column.name for column in columns]
    for name in cells.columns:
        if name not in known and name != "row":
            raise InputError(
                "unknown column", column=name, allowed=", ".join(known), hint=nearest(name, known)
            )
    table = to_schema(cells, columns)
    for column in columns:
        _check(table, column)
    return _exactly(cells, table.drop("unparsed")).with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row")
    )


# A float gives back every decimal of this many digits (IEEE 754 binary64).
_HELD = 15
_DECIMAL = r"^\s*\d+\.?\d*(?:[eE][+-]?\d+)?\s*$"


def _exactly(cells: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Long numbers on the side of the float's own decimal that their text is on, with ``digits``:
    10000000000000000000000001 is more than 1e25."""
    rows: dict[int, dict[str, str]] = {}
    for name in table.columns:
        if table[name].dtype != pl.Float64 or cells.schema.get(name) != pl.String:
            continue
        text = cells[name]
        long = text.str.replace(r"[eE].*$", "").str.count_matches(r"\d") > _HELD
        for i in (long & text.str.contains(_DECIMAL)).arg_true().to_list():
            value, written = float(table[name][i]), Fraction(text[i].strip())
            if written != Fraction(repr(value)):
                up = math.inf if written > Fraction(repr(value)) else -math.inf
                column = table[name].clone()
                column[i] = math.nextafter(value, up)
                table = table.with_columns(column)
                rows.setdefault(i, {})[name] = text[i].strip()
    digits = pl.Series("digits", [None], dtype=pl.String).new_from_index(0, table.height)
    for i, row in rows.items():
        digits[i] = json.dumps(row)
    return table.with_columns(digits)


def _check(table: pl.DataFrame, column: Column) -> None:
    if column.required and column.name not in table.columns:
        raise InputError("missing column", column=column.name, allowed=column.meaning)
    for wrong, found, allowed in _wrongs(table, column):
        rows = table.select(wrong.fill_null(value=False)).to_series().arg_true()
        if len(rows):
            value = table.select(found).to_series()[int(rows[0])]
            raise InputError(
                "is not allowed" if value is not None else "is empty",
                row=int(rows[0]) + 1,
                column=column.name,
                value=value,
                allowed=allowed,
            )


def _wrongs(table: pl.DataFrame, column: Column) -> list[tuple[pl.Expr, pl.Expr, str]]:
    """What can be wrong with a cell: an expression, the value to show, what is allowed."""
    cell = pl.col(column.name)
    lost = pl.col("unparsed").str.json_path_match(f"$.{column.name}")
    allowed = "YYYY-MM-DD" if column.dtype == pl.Date else column.range_text
    found: list[tuple[pl.Expr, pl.Expr, str]] = []
    if table["unparsed"].null_count() < table.height:
        found.append((lost.is_not_null(), lost, f"{allowed} ({column.meaning})"))
    if column.required:
        found.append((cell.is_null(), cell, f"{allowed} ({column.meaning})"))
    if column.dtype == pl.Float64:
        low = -math.inf if column.low is None else column.low
        high = math.inf if column.high is None else column.high
        below = cell <= low if column.open_low else cell < low
        found.append((below | (cell > high) | cell.is_nan(), cell, allowed + _in(column.unit)))
    if column.allowed:
        found.append((~cell.is_in(list(column.allowed)), cell, allowed))
    return found


def _in(unit: str) -> str:
    return f", in {unit}" if unit not in ("", "1") else ""


def first(table: pl.DataFrame, wrong: pl.Expr, column: str, problem: str, allowed: str) -> None:
    """Raise InputError for the first row where ``wrong`` is true."""
    rows = table.filter(wrong.fill_null(value=False))
    if rows.height:
        raise InputError(
            problem,
            row=rows["row"][0],
            column=column,
            value=plain(rows[column][0]),
            allowed=allowed,
        )


def plain(value: Any) -> Any:
    """Dates as text, everything else as it is."""
    return value.isoformat() if isinstance(value, date) else value
