"""Stage 1: published figures and the internal inbox become tables in the run schema.

    data/published/<source>/runs.*        -> data/runs/<source>.parquet
    data/internal/<source>.*              -> data/runs/<source>.parquet
    data/internal/<source>/*              -> data/runs/<source>.parquet, files in order of name

Rows keep the order of their file. Beside the run columns a table holds ``file``, ``row`` (data
rows of that file, from 1) and ``unparsed`` (see `scaling.sources.to_schema`), so that whatever is
wrong with a row can be said about the row that the person wrote. An empty ``source`` cell gets the
name of the source. The same files give the same bytes.

Run from the top of the project. A file that cannot be read as a run table ends the stage with
exit code 2 and leaves the tables of the last run as they were.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from scaling.errors import InputError, nearest
from scaling.schema import RUN
from scaling.sources import is_claimed, published, read_cells, to_schema

PUBLISHED = Path("data/published")
INTERNAL = Path("data/internal")
OUT = Path("data/runs")

_IGNORED = ("README.md", ".gitignore")


def main() -> None:
    """Read every source, then write all tables; one line per source."""
    try:
        tables = ingest(PUBLISHED, INTERNAL)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    replace_folder(OUT, tables)
    for name, table in tables.items():
        print(f"{name}: {table.height} rows, {table['unparsed'].count()} with unparsed cells")


def ingest(published_folder: Path, internal_folder: Path) -> dict[str, pl.DataFrame]:
    """The run table of every source, by name.

    Raises:
        InputError: an unreadable file, an unknown column, or two sources of one name.
    """
    sources = {source.name: [source.table] for source in published(published_folder)}
    for name, files in internal(internal_folder).items():
        if name in sources:
            taken = ", ".join(map(str, sources[name]))
            hint = "Give the file another name: a source is named after its file or folder."
            raise InputError(f"source {name!r} is taken by {taken}", file=files[0], hint=hint)
        sources[name] = files
    return {name: run_table(name, files) for name, files in sorted(sources.items())}


def internal(folder: Path) -> dict[str, list[Path]]:
    """Files of the inbox by source.

    A file is a source of its own, and so is a folder that a format reads as a whole; the files of
    any other folder are one source together.
    """
    found: dict[str, list[Path]] = {}
    for path in _entries(folder):
        files = [path] if path.is_file() or is_claimed(path) else _entries(path)
        name = path.stem if path.is_file() else path.name
        if files and name in found:
            hint = "Put files of one source into one folder."
            raise InputError(f"source {name!r} comes twice", file=path, hint=hint)
        if files:
            found[name] = files
    return found


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, in order of name, without notes and DVC's own files."""
    if not folder.is_dir():
        return []
    kept = (p for p in folder.iterdir() if p.name not in _IGNORED and p.suffix != ".dvc")
    return sorted(kept)


def run_table(source: str, files: Sequence[Path]) -> pl.DataFrame:
    """The rows of all files of a source, in run columns, with file, row and unparsed cells.

    Raises:
        InputError: a file that cannot be read, or a column that the run schema does not know.
    """
    return pl.concat([_file_table(source, path) for path in files])


def _file_table(source: str, path: Path) -> pl.DataFrame:
    cells = read_cells(path)
    known = [column.name for column in RUN]
    for name in cells.columns:
        if name not in known:
            hint = nearest(name, known) or f"Known columns: {', '.join(known)}."
            raise InputError("unknown column", file=path.as_posix(), column=name, hint=hint)
    return (
        to_schema(cells, RUN)
        .with_columns(pl.col("source").fill_null(source), file=pl.lit(path.as_posix()))
        .with_row_index("row", offset=1)
        .with_columns(pl.col("row").cast(pl.Int64))
        .select(*known, "file", "row", "unparsed")
    )


def replace_folder(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    """Make the folder hold exactly these tables: written beside it, then renamed."""
    beside, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "old"))
    for path in (beside, old):
        shutil.rmtree(path, ignore_errors=True)
    beside.mkdir(parents=True)
    for name, table in tables.items():
        table.write_parquet(beside / f"{name}.parquet", compression="zstd", compression_level=3)
    if folder.exists():
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    main()
