"""Stage 1: published figures and the internal inbox become tables in the run schema.

    data/published/<source>/runs.*        -> data/runs/<source>.parquet
    data/internal/store/<source>/         -> data/runs/<alias>.parquet, what `scaling add` took in
    data/internal/<source>.*              -> data/runs/<alias>.parquet, tables put there by hand
    data/internal/<source>/*              -> data/runs/<alias>.parquet, files in order of name

Rows keep the order of their file. Beside the run columns a table holds ``file``, ``row`` (data
rows of that file, from 1) and ``unparsed`` (see `scaling.runs.formats.to_schema`), so that whatever
is wrong with a row can be said about the row that the person wrote. An empty ``source`` cell gets
the name of the source. Of a source that was withdrawn in whole or part, ``withdrawal`` says which
rows count no longer (`scaling.runs.inbox.withdrawals`). The same files give the same bytes.

Two parameters matter. ``as_of``: only what was known here on that day (published sources by the
day on which they were read, internal ones by their log); null for all. ``disclose_internal``:
with false, tables hold aliases instead of the names of internal sources and their runs, so that
nothing made from them can tell.

Run this in the project's folder. A file that cannot be read as a run table ends the stage with
exit code 2 and leaves the tables of the last run as they were.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import yaml

from scaling.errors import InputError, counted, nearest
from scaling.io import atomic
from scaling.io.tables import write_parts
from scaling.runs.formats import Source, format_of, is_claimed, published, read_batches, to_schema
from scaling.runs.inbox import store, withdrawals
from scaling.runs.inbox.aliases import Hidden, read_names, unnumbered
from scaling.runs.inbox.complete_lines import NO_LINE_END, open_ended
from scaling.runs.inbox.mapping import Mapping as ColumnMapping
from scaling.runs.inbox.read import source_rows
from scaling.runs.inbox.unit_doubts import doubtful
from scaling.runs.schema import RUN

PUBLISHED = Path("data/published")
INTERNAL = Path("data/internal")
OUT = Path("data/runs")
PARAMS = Path("params.yaml")

_IGNORED = ("README.md", ".gitignore", store.STORE, store.PULLED)
_COLUMNS = [column.name for column in RUN]


@dataclass(frozen=True)
class Choices:
    """The parameters of this stage."""

    as_of: date | None = None
    disclose_internal: bool = False


def main() -> None:
    """Read every source and write its table; one line per source."""
    try:
        with atomic.locked(INTERNAL, shared=True) if INTERNAL.is_dir() else nullcontext():
            tables = ingest(PUBLISHED, INTERNAL, choices(PARAMS))
            counts = replace_folder(OUT, tables)
            opened = [one for one in _loose_files(INTERNAL) if open_ended(one)]
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    for file in opened:
        print(f"{file}: {NO_LINE_END}", file=sys.stderr)
    for name, (rows, unparsed) in counts.items():
        print(f"{name}: {counted(rows, 'row')}, {unparsed} with unparsed cells")


def choices(file: Path) -> Choices:
    """What params.yaml says; without the file or the keys, everything, under aliases.

    Raises:
        InputError: a value that is none.
    """
    given = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    as_of, disclose = given.get("as_of"), given.get("disclose_internal", False)
    if as_of is not None and type(as_of) is not date:
        allowed = "a date as YYYY-MM-DD, or null"
        raise InputError("is not a date", file=file, column="as_of", value=as_of, allowed=allowed)
    if not isinstance(disclose, bool):
        column, allowed = "disclose_internal", "true or false"
        raise InputError(
            "is not a choice", file=file, column=column, value=disclose, allowed=allowed
        )
    return Choices(as_of, disclose)


def ingest(
    published_folder: Path, internal_folder: Path, chosen: Choices | None = None
) -> dict[str, Iterator[pl.DataFrame]]:
    """The run table of every source, by name, in parts that are read when they are taken.

    Raises:
        InputError: an unreadable file, an unknown column, or two sources of one name.
    """
    chosen = chosen or Choices()
    known = {one.name: one for one in published(published_folder)}
    tables = {
        name: _published_rows(one, chosen)
        for name, one in known.items()
        if chosen.as_of is None or one.accessed <= chosen.as_of
    }
    for name, files in internal(internal_folder).items():
        _refuse_taken(name, files[0], known)
        hidden = Hidden(unnumbered(name), {"source": [name]})
        tables |= _named(name, _loose_rows(name, files, chosen), chosen, hidden)
    aliases = store.aliases(internal_folder)
    for name in store.sources(internal_folder):
        folder = internal_folder / store.STORE / name
        _refuse_taken(name, folder, known)
        if store.in_force(store.read_log(folder), chosen.as_of):
            names = read_names(folder) or {"source": [name]}
            hidden = Hidden(aliases.get(name, unnumbered(name)), names)
            tables |= _named(name, _added_rows(name, folder, chosen), chosen, hidden)
    return dict(sorted(tables.items()))


def _refuse_taken(name: str, file: Path, known: Mapping[str, Source]) -> None:
    if name in known:
        hint = "Give the file another name: a source is named after its file or folder."
        raise InputError(f"source {name!r} is taken by {known[name].table}", file=file, hint=hint)


def _named(
    name: str, rows: Iterator[pl.DataFrame], chosen: Choices, hidden: Hidden
) -> dict[str, Iterator[pl.DataFrame]]:
    """The source under the name that it may be published under."""
    if chosen.disclose_internal:
        return {name: rows}
    return {hidden.alias: map(hidden.hide, rows)}


def internal(folder: Path) -> dict[str, list[Path]]:
    """Files that were put into the inbox by hand, by source.

    A file is a source of its own, and so is a folder that a format reads as a whole; the files of
    any other folder are one source together.
    """
    added = store.sources(folder)
    found: dict[str, list[Path]] = {}
    for path in _entries(folder):
        files = [path] if path.is_file() or is_claimed(path) else _entries(path)
        name = path.stem if path.is_file() else path.name
        if files and (name in found or name in added):
            hint = "Put files of one source into one folder, or `scaling add` them."
            raise InputError(f"source {name!r} appears twice", file=path, hint=hint)
        if files:
            found[name] = files
    return found


def _loose_files(folder: Path) -> list[Path]:
    return [path for files in internal(folder).values() for path in files]


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, in order of name, without notes, leftovers and DVC's own files."""
    if not folder.is_dir():
        return []
    kept = (p for p in folder.iterdir() if p.name not in _IGNORED and p.suffix != ".dvc")
    return sorted(path for path in kept if not path.name.startswith(atomic.TEMPORARY))


def _published_rows(source: Source, chosen: Choices) -> Iterator[pl.DataFrame]:
    day = pl.col("recorded").fill_null(source.accessed)
    out = withdrawals.read(withdrawals.FOLDER / f"{source.name}.jsonl")
    rows = (part.with_columns(day) for part in run_tables(source.name, [source.table]))
    return (withdrawals.marked(part, out, chosen.as_of) for part in rows)


def _added_rows(name: str, folder: Path, chosen: Choices) -> Iterator[pl.DataFrame]:
    # Of its own: parts are read later, when a loop over names has gone on to the last.
    return _marked(name, folder, chosen, source_rows(folder, chosen.as_of))


def _marked(
    name: str, folder: Path, chosen: Choices, parts: Iterable[pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    out = withdrawals.read(folder / withdrawals.FILE)
    return (withdrawals.marked(_complete(part, name), out, chosen.as_of) for part in parts)


def as_ingested(
    name: str, rows: pl.DataFrame, chosen: Choices, internal_folder: Path = INTERNAL
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The table that a source of the store would have if its files read as ``rows``: under its own
    names, and under those that this stage gives."""
    folder = internal_folder / store.STORE / name
    own = pl.concat(_marked(name, folder, chosen, [rows]))
    alias = store.aliases(internal_folder).get(name, unnumbered(name))
    hidden = Hidden(alias, read_names(folder) or {"source": [name]})
    ((_, parts),) = _named(name, iter([own]), chosen, hidden).items()
    return own, pl.concat(parts)


def _loose_rows(name: str, files: Sequence[Path], chosen: Choices) -> Iterator[pl.DataFrame]:
    if chosen.as_of is not None:
        hint = f"`scaling add` notes the day: move it elsewhere, then scaling add PATH --as {name}."
        raise InputError(
            "as_of is set, and the day of arrival is unknown", file=files[0], hint=hint
        )
    return run_tables(name, files, by_hand=True)


def run_table(source: str, files: Sequence[Path]) -> pl.DataFrame:
    """The rows of all files of a source, in run columns, with file, row and unparsed cells.

    Raises:
        InputError: a file that cannot be read, or a column that the run schema does not know.
    """
    return pl.concat(run_tables(source, files))


def run_tables(
    source: str, files: Sequence[Path], *, by_hand: bool = False
) -> Iterator[pl.DataFrame]:
    """As `run_table`, part by part; units of files put into the inbox ``by_hand`` are checked."""
    return (part for path in files for part in _file_tables(source, path, by_hand))


def _file_tables(source: str, path: Path, by_hand: bool) -> Iterator[pl.DataFrame]:
    before = 0
    for cells in _read(path):
        for name in cells.columns:
            if name not in _COLUMNS:
                hint = nearest(name, _COLUMNS) or f"Known columns: {', '.join(_COLUMNS)}."
                raise InputError("unknown column", file=path.as_posix(), column=name, hint=hint)
        rows = to_schema(cells, RUN).with_row_index("row", offset=1 + before)
        if by_hand:
            _refuse_doubtful(cells, rows, path)
        yield _complete(rows.with_columns(file=pl.lit(path.as_posix())), source)
        before += cells.height


def _refuse_doubtful(cells: pl.DataFrame, rows: pl.DataFrame, path: Path) -> None:
    """What `scaling add` asks of the units of a table."""
    if found := doubtful(cells, rows, ColumnMapping()):
        hint = "To state a unit, move it elsewhere, then: scaling add PATH --as NAME --map ..."
        problem = "units are missing:\n  " + "\n  ".join(found) + "\n"
        raise InputError(problem, file=path.as_posix(), hint=hint)


def _read(path: Path) -> Iterator[pl.DataFrame]:
    if format_of(path).raw:
        hint = "Move it elsewhere, then: scaling add PATH --as NAME --metric THEIRS=ID:UNIT ..."
        problem = "a tracker's own names and units need a mapping"
        raise InputError(problem, file=path.as_posix(), hint=hint)
    return read_batches(path)


def _complete(rows: pl.DataFrame, source: str) -> pl.DataFrame:
    """All columns of a run table, in order."""
    return rows.with_columns(
        pl.col("source").fill_null(source), pl.col("row").cast(pl.Int64)
    ).select(*_COLUMNS, "file", "row", "unparsed")


def replace_folder(
    folder: Path, tables: Mapping[str, Iterable[pl.DataFrame]]
) -> dict[str, tuple[int, int]]:
    """Make the folder hold exactly these tables.

    Returns the number of rows and of rows with unparsed cells of each.
    """
    with atomic.new_folder(folder) as beside:
        return {
            name: write_parts(beside / f"{name}.parquet", parts, counted="unparsed")
            for name, parts in tables.items()
        }


if __name__ == "__main__":
    main()
