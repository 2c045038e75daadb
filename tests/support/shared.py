"""Where tables without an open licence lie, for tests and benchmarks that use them where they can.

SCALING_SHARED names the folder; without it, ../shared beside the project is looked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from scaling.runs.formats._cells import parse
from scaling.runs.schema import RUN, dtypes
from tests.support.needs import SHARED

ROOT = Path(__file__).resolve().parent.parent


def shared(*parts: str) -> Path | None:
    """A file or folder of the shared data; None where it is absent."""
    named = os.environ.get("SCALING_SHARED")
    base = Path(named) if named else ROOT.parent / "shared"
    path = base.joinpath("data", *parts)
    return path if path.exists() else None


def run_table(
    name: str, columns: Mapping[str, str], fixed: Mapping[str, object], where: str | None = None
) -> pl.DataFrame:
    """The file in run columns: ``columns`` renames its own, ``fixed`` is the same in every row.

    Skips the test where the file is absent.
    """
    path = shared(*name.split("/"))
    if path is None:
        SHARED.skip(name)
    cells = pl.read_csv(path, infer_schema_length=None)
    if where is not None:
        cells = cells.filter(pl.sql_expr(where))
    types = dtypes(RUN)
    named = cells.select(**{new: pl.col(old).cast(pl.String) for new, old in columns.items()})
    typed = [parse(cells, types[cells.name])[0] for cells in named]
    rows = pl.DataFrame(typed).with_columns(
        **{key: pl.lit(value) for key, value in fixed.items()},
        source=pl.lit(name.split("/")[0]),
        file=pl.lit(name),
        unparsed=pl.lit(None, dtype=pl.String),
    )
    absent = [pl.lit(None, dtype=t).alias(n) for n, t in types.items() if n not in rows.columns]
    whole = rows.with_columns(*absent).with_row_index("row", offset=1)
    return whole.with_columns(pl.col("row").cast(pl.Int64)).select(
        *types, "file", "row", "unparsed"
    )
