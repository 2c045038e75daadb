"""Dates as inputs of laws in time."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Input

EPOCH = 2020.0
YEAR = 365.25
COLUMNS = ("observed", "date", "publication_date", "release_date")


def years(column: pl.Series) -> Array:
    """Dates, ISO text or numbers (already years) as years with fractions, 2020.0 = 2020-01-01.

    Raises:
        InputError: text that is no date, or an empty cell.
    """
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).to_numpy().astype(np.float64)
    if column.dtype == pl.String:
        parsed = column.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    else:
        parsed = column.cast(pl.Date, strict=False)
    days = parsed.to_physical().cast(pl.Float64)
    bad = days.is_null()
    if bad.any():
        at = int(bad.arg_true()[0])
        problem = "is empty" if column[at] is None else "not a date"
        raise InputError(
            problem, row=at + 1, column=column.name, value=column[at], allowed="YYYY-MM-DD"
        )
    start = (dt.date(2020, 1, 1) - dt.date(1970, 1, 1)).days
    return np.asarray(EPOCH + (days.to_numpy() - start) / YEAR)


def read(runs: pl.DataFrame) -> Array:
    """The first date column of a table, in years."""
    for name in COLUMNS:
        if name in runs.columns:
            return years(runs[name])
    raise InputError("missing column", column=COLUMNS[0], allowed=" | ".join(COLUMNS))


DATE = Input(
    "date",
    "years",
    "date",
    columns=COLUMNS,
    low=1900.0,
    high=2200.0,
    typical=(2010.0, 2026.0),
    read=read,
)
