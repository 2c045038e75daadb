"""Excel workbooks (.xlsx): a run table in the one filled sheet, or in the sheet that is named.

Format: ECMA-376 (Office Open XML), read by openpyxl. Faster readers (calamine) show a cell's value
and not whether a formula stands behind it, so a formula that was never calculated would look like
an empty cell. Here formulas count with the value that the program saved for them, and one without
such a value is refused, as is an error (``#N/A``). Macros and links are never followed.
"""

from __future__ import annotations

import datetime
import warnings
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import zip_longest
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, nearest, shorten
from scaling.runs.formats._headings import heading
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions, flag, refuse_wide

_LARGEST_FILE = 256 * 1024**2
_LARGEST_UNPACKED = 1024**3
_MOST_PARTS = 10_000
_MOST_CELLS = 20_000_000
# As many as Excel has. A row states its own number, so two rows can lie any number of rows apart.
_MOST_ROWS = 1_048_576
# A cell far below the others costs as much as all the lines between.
_MOST_BLANK = 10_000
# Rows in which the header is looked for.
_LOOK = 50


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The table of the filled sheet.

    Raises:
        InputError: not a workbook, no openpyxl, no such sheet or two filled ones, a formula without
            value, an error, a column without name.
    """
    _bounded(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of drawings and rules, which hold no cells
            sheets = _sheets(path, options.sheet)
    except InputError:
        raise
    except Exception as error:  # a damaged workbook makes the reader fail in any way
        raise InputError(f"not a readable workbook: {type(error).__name__}", file=path) from None
    filled = {name: rows for name, rows in sheets.items() if rows}
    if len(filled) != 1:
        found = list(filled) or "no filled sheet"
        hint = f"Name the sheet: {flag('sheet')} {next(iter(filled), 'NAME')!r}."
        raise InputError("not one table", file=path, value=found, allowed="one sheet", hint=hint)
    return _frame(next(iter(filled.values())), path, options)


def _bounded(path: Path) -> None:
    """A workbook is a ZIP archive: bounded before anything in it is unpacked."""
    if path.stat().st_size > _LARGEST_FILE:
        allowed = f"<= {_LARGEST_FILE} bytes"
        raise InputError("too large a file", file=path, value=path.stat().st_size, allowed=allowed)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        hint = "Save it as .xlsx, or give it the suffix of what it is."
        raise InputError(f"not a workbook: {error}", file=path, hint=hint) from None
    unpacked = sum(part.file_size for part in parts)
    if unpacked > _LARGEST_UNPACKED or len(parts) > _MOST_PARTS:
        allowed = f"<= {_LARGEST_UNPACKED} bytes in <= {_MOST_PARTS} parts"
        raise InputError("unpacks to too much", file=path, value=unpacked, allowed=allowed)


def _loader() -> Callable[..., Any]:
    try:
        from openpyxl import load_workbook  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        hint = "Install openpyxl, or save the table as CSV."
        raise InputError("Excel workbooks need the package openpyxl", hint=hint) from None
    return load_workbook  # type: ignore[no-any-return,unused-ignore]


def _sheets(path: Path, only: str | None) -> dict[str, list[list[Any]]]:
    """The rows of the sheets; the workbook is opened for its values and for its formulas."""
    try:
        load = _loader()
    except InputError as error:
        raise error.at(path) from None
    with ExitStack() as stack:
        values, formulas = (
            stack.enter_context(closing(load(path, read_only=True, data_only=shown)))
            for shown in (True, False)
        )
        titles = [sheet.title for sheet in values.worksheets]
        if only is not None and only not in titles:
            hint = nearest(only, titles)
            raise InputError(
                "no such sheet", file=path, value=only, allowed=shorten(titles, 300), hint=hint
            )
        chosen = [title for title in titles if only in (None, title)]
        return {title: _rows(values[title], formulas[title], path) for title in chosen}


def _rows(values: Any, formulas: Any, path: Path) -> list[list[Any]]:
    """The rows up to the last filled one."""
    for sheet in (values, formulas):
        sheet.reset_dimensions()  # what the file states may be wrong
    rows: list[list[Any]] = []
    count, last = 0, 0
    for number, (shown, typed) in enumerate(
        zip_longest(values.iter_rows(), formulas.iter_rows(), fillvalue=()), start=1
    ):
        count += len(shown)
        refuse_wide(len(shown), path)
        if number - last > _MOST_BLANK:
            hint = "Delete the empty lines, or save the table as CSV."
            raise InputError(
                f"more than {_MOST_BLANK} empty lines (sheet {values.title})",
                file=path,
                row=last,
                hint=hint,
            )
        if count > _MOST_CELLS or number > _MOST_ROWS:
            allowed = f"<= {_MOST_CELLS} cells in <= {_MOST_ROWS} rows"
            raise InputError("too many cells", file=path, allowed=allowed)
        pairs = zip_longest(shown, typed)
        rows.append([_cell(s, t, f"{values.title}, line {number}", path) for s, t in pairs])
        last = number if any(cell is not None for cell in rows[-1]) else last
    return rows[:last]


def _cell(shown: Any, typed: Any, place: str, path: Path) -> Any:
    """The value, null where there is none; a blank text is none."""
    kind = getattr(typed, "data_type", None)
    value = getattr(shown, "value", None)
    if kind == "f" and value is None:
        hint = "Open the workbook, let it calculate, and save it; or put the value in."
        problem = f"a formula without a saved value (sheet {place})"
        raise InputError(problem, file=path, value=str(typed.value), hint=hint)
    if getattr(shown, "data_type", None) == "e":
        raise InputError(f"an error in a cell (sheet {place})", file=path, value=value)
    return None if isinstance(value, str) and not value.strip() else value


def _frame(rows: list[list[Any]], path: Path, options: ReadOptions) -> pl.DataFrame:
    """The cells under their names; every row is as wide as the widest."""
    widths = (i for row in rows for i, cell in enumerate(row, start=1) if cell is not None)
    width = max(widths)
    cells = [[*row[:width], *[None] * (width - len(row))] for row in rows]
    found = heading(cells[:_LOOK], range(1, len(cells[:_LOOK]) + 1), path, options)
    below = cells[found.rows :]
    columns = [_column(str(i), [row[i] for row in below]) for i in range(width)]
    return found.named(pl.DataFrame(columns), path, options)


def _column(name: str, cells: list[Any]) -> pl.Series:
    """Numbers, days, moments or truth values where a column holds only these; else text."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and kinds <= {int, float}:
        whole = kinds == {int} and all(cell is None or abs(cell) < 2**63 for cell in cells)
        numbers = cells if whole else [None if cell is None else float(cell) for cell in cells]
        return pl.Series(name, numbers, dtype=pl.Int64 if whole else pl.Float64)
    if kinds == {bool}:
        return pl.Series(name, cells, dtype=pl.Boolean)
    if kinds == {datetime.datetime}:
        return pl.Series(name, cells, dtype=pl.Datetime("us"))
    return pl.Series(name, [c if c is None else str(c) for c in cells], dtype=pl.String)


FORMAT = Format(
    name="xlsx",
    meaning="run schema as a sheet of an Excel workbook",
    seen="openpyxl 3.1.5, its own workbooks (2026-11-30)",
    suffixes=(".xlsx", ".xlsm"),
    read=read,
    takes=("sheet", "header"),
)
