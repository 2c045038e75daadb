"""From cells as a file has them to the dtypes of a schema, without losing a cell.

A cell that does not parse becomes null in its column and keeps its text beside it; who calls
decides whether that is an error. Blank text is an empty cell. Text round a number may be space.
"""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from scaling.runs.schema import RUN, Column, by_name
from scaling.runs.units import COMPUTE, COUNTS, in_full, units_of

# A number that reading as text would not say better: '007' and '1_000' are names, not numbers.
_NUMBER = r"^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$|^(?i:nan|[+-]?inf)$"
_WHOLE = r"^-?(?:0|[1-9]\d{0,17})$"
# A day, or a moment of which the day is kept as written.
_DAY = r"^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}\S*(?: ?\S+)?)?$"


def text_of(cells: pl.Series) -> pl.Series:
    """The cells as text, blank ones null; nested and binary ones as JSON text."""
    if cells.dtype.is_nested() or cells.dtype in (pl.Binary, pl.Object):
        items = [None if v is None else json.dumps(v, default=str) for v in cells.to_list()]
        return pl.Series(cells.name, items, dtype=pl.String)
    if cells.dtype in (pl.Duration, pl.Time):
        cells = pl.Series(cells.name, [None if v is None else str(v) for v in cells.to_list()])
    text = cells.cast(pl.String)
    return text.to_frame().select(blank_to_null(pl.col(text.name))).to_series()


def blank_to_null(text: pl.Expr) -> pl.Expr:
    """Null where the text is nothing but space."""
    return pl.when(text.str.strip_chars() != "").then(text)


def parse(cells: pl.Series, dtype: Any) -> tuple[pl.Series, pl.Series]:
    """The values of one column in ``dtype``, and the text of the cells that have none in it."""
    if dtype == pl.Float64 and cells.dtype.is_numeric():
        values = cells.cast(pl.Float64)
        return values, _nulls(cells.name, pl.String, cells.len())
    text = text_of(cells)
    if dtype == pl.String:
        return text, _nulls(cells.name, pl.String, cells.len())
    values = _numbers(cells, text) if dtype == pl.Float64 else _days(cells, text)
    lost = text.to_frame().select(pl.when(values.is_null()).then(pl.col(text.name)))
    return values, lost.to_series()


def _numbers(cells: pl.Series, text: pl.Series) -> pl.Series:
    if cells.dtype in (pl.String, pl.Categorical, pl.Enum):
        return text.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.Series(cells.name, [None] * cells.len(), dtype=pl.Float64)


def _days(cells: pl.Series, text: pl.Series) -> pl.Series:
    if cells.dtype in (pl.Date, pl.Datetime):
        return cells.dt.date()
    day = text.str.strip_chars().str.extract(_DAY)
    return day.str.to_date("%Y-%m-%d", strict=False)


def to_schema(cells: pl.DataFrame, columns: tuple[Column, ...]) -> pl.DataFrame:
    """The cells in the schema's columns and dtypes, with a column ``unparsed``.

    ``unparsed`` is null, or a JSON object of column name to the text that does not parse as the
    column's dtype. Counts and compute may have their unit behind them: 7B is 7e9. Columns that the
    cells lack are null throughout; others are left out, so check the names first.
    """
    values: list[pl.Series] = []
    lost: dict[str, pl.Series] = {}
    for column in columns:
        if column.name not in cells.columns:
            values.append(_nulls(column.name, column.dtype, cells.height))
            continue
        parsed, text = parse(cells[column.name], column.dtype)
        if text.count() > 0 and units_of(column.name) in (COUNTS, COMPUTE):
            parsed, text = parse(_in_full(cells[column.name]), column.dtype)
        values.append(parsed.rename(column.name))
        if text.count() > 0:
            lost[column.name] = text
    return pl.DataFrame(values).with_columns(unparsed=_as_json(lost, cells.height))


def _in_full(cells: pl.Series) -> pl.Series:
    """Counts without their suffixes; other text as it is."""
    if cells.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return cells
    return (
        cells.cast(pl.String).to_frame().select(in_full(pl.col(cells.name), cells.name)).to_series()
    )


def _nulls(name: str, dtype: Any, height: int) -> pl.Series:
    return pl.Series(name, [None], dtype=dtype).new_from_index(0, height)


def _as_json(lost: dict[str, pl.Series], height: int) -> pl.Series:
    """One JSON object per row that has lost cells."""
    if not lost:
        return _nulls("unparsed", pl.String, height)
    rows: list[dict[str, str]] = [{} for _ in range(height)]
    for name, text in lost.items():
        for i in text.is_not_null().arg_true().to_list():
            rows[i][name] = text[i]
    packed = [json.dumps(row, ensure_ascii=False) if row else None for row in rows]
    return pl.Series("unparsed", packed, dtype=pl.String)


def infer(cells: pl.DataFrame) -> pl.DataFrame:
    """Untyped cells with types: a column of a run has the run schema's, if every cell parses.

    Of other columns, those that hold only numbers become numbers (whole ones stay whole), the
    rest stay text to the letter.
    """
    known = by_name(RUN)
    return pl.DataFrame([_inferred(cells[name], known.get(name)) for name in cells.columns])


def _inferred(cells: pl.Series, column: Column | None) -> pl.Series:
    if column is not None:
        values, lost = parse(cells, column.dtype)
        return values if lost.count() == 0 else cells
    text = text_of(cells).str.strip_chars().drop_nulls()
    if text.is_empty() or not text.str.contains(_NUMBER).all():
        return cells
    whole = text.str.contains(_WHOLE).all()
    numbers = text_of(cells).str.strip_chars()
    return numbers.cast(pl.Int64 if whole else pl.Float64)
