"""Parquet (.parquet): a table that carries its own types."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.sources._source import Format


def read(path: Path) -> pl.DataFrame:
    """The table of the file.

    Raises:
        InputError: not a Parquet file, or a damaged one.
    """
    try:
        return pl.read_parquet(path, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"not a readable Parquet file: {reason}",
            file=path,
            hint="Write the file again, or give it the suffix of what it is.",
        ) from None


FORMAT = Format(
    name="parquet",
    meaning="run schema as a Parquet table",
    suffixes=(".parquet", ".pq"),
    read=read,
)
