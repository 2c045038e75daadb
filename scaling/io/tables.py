"""Tables as CSV, Parquet and JSONL: the same frame, the same bytes; written whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.io import atomic

# Rows that a reader of a large table has to hold at once.
ROW_GROUP = 250_000
# What makes a spreadsheet take a cell for a formula, as OWASP lists it (CSV injection): a sign,
# full width too, behind any spaces and marks that cannot be seen, or a tab or line break at first.
FORMULA = r"('*(?:[\t\r\n]|[\s\p{C}\p{Z}]*[=+\-@＝＋－＠]))"


def csv_text(frame: pl.DataFrame) -> str:
    """CSV in which a spreadsheet takes no text for a formula; `unguarded` undoes it exactly.

    Text that begins as a formula does, a column's name too, gets an apostrophe in front. Numbers
    stay as they are.
    """
    return _replaced(frame, "^" + FORMULA, "'$1").write_csv()


def unguarded(frame: pl.DataFrame) -> pl.DataFrame:
    """The text of a table as it was before `csv_text` wrote it."""
    return _replaced(frame, "^'" + FORMULA, "$1")


def _replaced(frame: pl.DataFrame, pattern: str, by: str) -> pl.DataFrame:
    """The table with the pattern replaced in every text and every column's name."""
    names = pl.Series(frame.columns, dtype=pl.String).str.replace(pattern, by)
    text = frame.select(pl.selectors.by_dtype(pl.String, pl.Categorical, pl.Enum)).columns
    cells = frame.with_columns(pl.col(text).cast(pl.String).str.replace(pattern, by))
    return cells.rename(dict(zip(frame.columns, names, strict=True)))


def write_table(path: Path, frame: pl.DataFrame) -> None:
    """Write CSV, Parquet or JSONL by the suffix, whole."""
    writers = {
        ".csv": lambda: csv_text(frame).encode(),
        ".jsonl": lambda: frame.write_ndjson().encode(),
    }
    if path.suffix == ".parquet":
        write_parquet(path, frame)
    elif path.suffix in writers:
        atomic.write(path, writers[path.suffix]())
    else:
        raise InputError(
            "unknown kind of file", file=path, value=path.suffix, allowed=".csv, .parquet, .jsonl"
        )


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Parquet with fixed settings, so that the same frame gives the same bytes."""
    with atomic.new_file(path) as beside:
        frame.write_parquet(beside, compression="zstd", compression_level=3, statistics=False)


@contextlib.contextmanager
def parts_file(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """A Parquet file to which frames of one schema are added; the same frames, the same bytes.

    There must be a frame, which may be empty. Not whole before the end: ``path`` is that of an
    `scaling.io.atomic.new_file`.
    """
    # Here: importing it takes half as long as polars, and most stages write whole frames.
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types

    writer = None

    def add(part: pl.DataFrame) -> None:
        nonlocal writer
        table = part.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        if writer is None:
            writer = stack.enter_context(
                pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=3)
            )
        writer.write_table(table, row_group_size=ROW_GROUP)

    with contextlib.ExitStack() as stack:
        yield add
    if writer is None:
        raise ValueError(f"{path}: no frame to write")


def write_parts(
    path: Path, parts: Iterable[pl.DataFrame], *, counted: str | None = None
) -> tuple[int, int]:
    """The frames as one file; returns the rows, and those that are filled in ``counted``."""
    rows = filled = 0
    with parts_file(path) as add:
        for part in parts:
            add(part)
            rows += part.height
            filled += part[counted].count() if counted else 0
    return rows, filled
