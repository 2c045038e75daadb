"""Parquet from elsewhere, read by Arrow: damage gives an error there, where polars may panic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats._bytes import check_size
from scaling.runs.formats._source import AS_IT_IS, ReadOptions

_LARGEST_UNPACKED = 8 * 1024**3
# Rows of a part of a large table.
_ROWS = 250_000


def _library(path: Path) -> tuple[Any, Any, Any]:
    """pyarrow, its Parquet reader, and how they fail; imported here, so that other files need
    neither.

    Raises:
        InputError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError:
        hint = "Install pyarrow, or save the table as CSV."
        raise InputError("Parquet needs the package pyarrow", file=path, hint=hint) from None
    own = (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException)
    return pa, pq, (*own, OSError, ValueError, OverflowError)


def table(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The table of the file, its check sums compared where it has any.

    Raises:
        InputError: not a Parquet file, a damaged one, or one that unpacks to too much.
    """
    check_size(path)
    pa, pq, faults = _library(path)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _bounded(file.metadata, path)
            found = file.read(use_threads=False)
            found.validate(full=True)
            # Without notes beside the columns: damaged ones, not being UTF-8, make polars panic.
            return pl.DataFrame(pa.table(found.columns, names=list(found.schema.names)))
    except InputError:
        raise
    except (*faults, MemoryError) as error:
        raise _refusal(error, path) from None


def batches(path: Path, options: ReadOptions = AS_IT_IS) -> Iterator[pl.DataFrame]:
    """As `table`, in parts.

    Raises:
        InputError: as `table`.
    """
    pa, pq, faults = _library(path)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(_ROWS, use_threads=False):
                batch.validate(full=True)
                yield pl.DataFrame(pa.table(batch.columns, names=list(batch.schema.names)))
    except (*faults, MemoryError) as error:
        raise _refusal(error, path) from None


def _refusal(error: BaseException, path: Path) -> InputError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    hint = "Write the file again, or give it the suffix of what it is."
    return InputError(f"not a readable Parquet file: {reason}", file=path, hint=hint)


def _bounded(metadata: Any, path: Path) -> None:
    groups = range(metadata.num_row_groups)
    unpacked = sum(metadata.row_group(i).total_byte_size for i in groups)
    if unpacked > _LARGEST_UNPACKED:
        allowed = f"<= {_LARGEST_UNPACKED} bytes"
        raise InputError("unpacks to too much", file=path, value=unpacked, allowed=allowed)


def names(path: Path) -> list[str]:
    """The columns, or none where the file is not readable."""
    _, pq, faults = _library(path)
    try:
        return list(pq.read_schema(path).names)
    except faults:
        return []
