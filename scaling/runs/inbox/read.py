"""The run rows of a file that came in, in parts where it is large."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats import format_of, read_batches
from scaling.runs.inbox.mapping import Mapping, read_versions
from scaling.runs.inbox.merge import Part, merged
from scaling.runs.inbox.normalise import run_rows
from scaling.runs.inbox.store import Line, in_force, read_log

Say = Callable[[str], None]


def rows_of(place: Path, mapping: Mapping) -> Iterator[pl.DataFrame]:
    """Run rows with ``row`` and ``unparsed`` (and a tracker's account), part by part.

    Raises:
        InputError: as `parts_of`.
    """
    return (rows for _, rows in parts_of(place, mapping))


def parts_of(
    place: Path, mapping: Mapping, *, entering: bool = False, say: Say | None = None
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The cells of a file and the run rows that they make, part by part.

    ``entering`` is for a file that is added now, see `run_rows`; ``say`` hears what its reader
    assumes.

    Raises:
        InputError: the file cannot be read, or the mapping leaves questions open.
    """
    form = format_of(place)
    before = 0
    reading = mapping.reading if say is None else replace(mapping.reading, say=say)
    for cells in read_batches(place, reading):
        try:
            made = run_rows(cells, mapping, raw=form.raw, ordered=form.ordered, entering=entering)
        except InputError as error:
            raise error.at(place) from None
        yield cells, made.with_columns(pl.col("row") + before)
        before += cells.height


def source_rows(folder: Path, as_of: date | None) -> Iterator[pl.DataFrame]:
    """The rows of a source as they were known on that day, with ``file`` and ``recorded``.

    A source of one table comes in parts. Several files are put together, which needs them in
    memory at once.

    Raises:
        InputError: a damaged log or mapping, a payload that is missing.
    """
    lines, versions = in_force(read_log(folder), as_of), read_versions(folder)
    if len(lines) == 1 and not format_of(place_of(folder, lines[0])).raw:
        yield from _table_rows(folder, lines[0], versions)
    elif lines:
        yield merged([part_of(folder, line, versions) for line in lines])


def part_of(folder: Path, line: Line, versions: Sequence[Mapping]) -> Part:
    """The rows that one line of the log stands for."""
    place, mapping = place_of(folder, line), versions[line.mapping - 1]
    rows = pl.concat([_with_file(rows, line, place) for rows in rows_of(place, mapping)])
    return Part(rows, line.recorded, format_of(place).raw, mapping.rows == "final")


def _table_rows(folder: Path, line: Line, versions: Sequence[Mapping]) -> Iterator[pl.DataFrame]:
    place = place_of(folder, line)
    for rows in rows_of(place, versions[line.mapping - 1]):
        yield _with_file(rows, line, place).with_columns(recorded=pl.lit(line.recorded))


def place_of(folder: Path, line: Line) -> Path:
    """The file that a line of the log added. Raises InputError where it is missing."""
    place = line.place(folder)
    if not place.exists():
        hint = "`dvc checkout` (or `dvc pull`) brings back what DVC tracks."
        raise InputError("added files are missing", file=place, hint=hint)
    return place


def _with_file(rows: pl.DataFrame, line: Line, place: Path) -> pl.DataFrame:
    return rows.with_columns(file=pl.lit(place.as_posix()), payload=pl.lit(line.payload))
