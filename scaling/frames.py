"""Tables of any kind, through narwhals: what comes in becomes a polars table, and what is computed
from it goes out as the kind that came in.

    polars eager and lazy, pandas, pyarrow, any other that narwhals reads    the same kind
    columns by name, ``{"params": ["7B"], "tokens": [2e12]}``; a file        polars

A missing value is null: in pandas, whose tables do not tell it from NaN, every NaN is one. The
index of a pandas table is not read.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError

# A table as the functions of `import scaling` take one.
Table = Any
# Where what goes out is a polars table, and where it is a lazy one; else narwhals' own name.
POLARS, LAZY = "polars", "polars lazy"
ALLOWED = "a polars, pandas or pyarrow table, a dict of columns, or the path of a file"


def kind_of(table: Table) -> str:
    """The kind of a table, for `back`."""
    if isinstance(table, pl.LazyFrame):
        return LAZY
    if isinstance(table, pl.DataFrame | Mapping | str | os.PathLike):
        return POLARS
    return str(_narwhals(table).implementation.value)


def path_of(table: Table) -> Path | None:
    """The path, where the table is one."""
    return Path(table) if isinstance(table, str | os.PathLike) else None


def to_polars(table: Table) -> pl.DataFrame:
    """A table that is no file, as polars.

    Raises:
        InputError: it is no table, or one that cannot be read; names are texts and differ.
    """
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, Mapping):
        return _columns(table)
    frame = _narwhals(table)
    try:
        made: pl.DataFrame = frame.to_polars()
        return made
    except Exception:  # of whatever library: columns of Python's objects, one of them mixed
        return _columns({name: frame[name].to_list() for name in frame.columns})


def _narwhals(table: Table) -> Any:
    import narwhals as nw

    try:
        found = nw.from_native(table)
        frame = found.collect() if isinstance(found, nw.LazyFrame) else found
        names = frame.columns
    except TypeError:
        raise InputError("not a table", value=type(table).__name__, allowed=ALLOWED) from None
    except Exception as error:
        raise InputError(
            f"not a table that can be read ({str(error).splitlines()[0]})",
            value=type(table).__name__,
            allowed="columns whose names differ",
        ) from error
    for name in names:
        if not isinstance(name, str):
            raise InputError("a column's name is no text", value=name, allowed="text")
    return frame


def _columns(table: Mapping[str, Any]) -> pl.DataFrame:
    """Columns by name; a single value stands for every row, and numbers beside texts are texts."""
    try:
        made = {
            name: pl.Series(name, list(one), strict=False) if _is_list(one) else one
            for name, one in table.items()
        }
        return pl.DataFrame(made)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise InputError(
            f"columns that make no table ({str(error).splitlines()[0]})",
            value={name: type(one).__name__ for name, one in table.items()},
            allowed="lists of one length, by name",
        ) from error


def _is_list(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


def back(made: pl.DataFrame, kind: str) -> Table:
    """A result's table as the kind that came in.

    A pandas table keeps the result's notes and its chart. One of another kind has no place for
    them: its notes are Python warnings.
    """
    if kind == POLARS:
        return made
    notes = getattr(made, "notes", ())
    if kind == "pandas" and hasattr(made, "kind"):
        from scaling._pandas import ResultTable

        return ResultTable.of(made)
    for note in notes:
        warnings.warn(note, stacklevel=3)
    if kind == LAZY:
        return pl.DataFrame(made).lazy()
    import narwhals as nw

    other: Any = kind
    return nw.DataFrame.from_arrow(pl.DataFrame(made), backend=other).to_native()
