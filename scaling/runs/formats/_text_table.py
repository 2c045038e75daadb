"""Wide text tables as loggers write them: a header, then a line per logging call."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from scaling.errors import InputError
from scaling.runs.formats._raw import whole_lines


def table(path: Path) -> tuple[list[dict[str, str]], bool]:
    """The filled cells of every line by column, and whether the last line is cut.

    Raises:
        InputError: not UTF-8 text, a column that is nameless or repeated, or a line with another
            number of cells.
    """
    text, cut = whole_lines(path)
    if "\0" in text:
        raise InputError("not a text file", file=path)
    lines = _lines(text, path)
    names = next(lines, [])
    for name in names:
        if not name.strip() or names.count(name) > 1:
            raise InputError("a column without a name, or repeated", file=path, value=name)
    return [_cells(names, line, path, row) for row, line in enumerate(lines, start=1)], cut


def _lines(text: str, path: Path) -> Iterator[list[str]]:
    try:
        yield from (line for line in csv.reader(text.splitlines(keepends=True)) if line)
    except csv.Error as error:
        raise InputError(f"not a readable table: {error}", file=path) from None


def _cells(names: list[str], line: list[str], path: Path, row: int) -> dict[str, str]:
    if len(line) != len(names):
        allowed = f"{len(names)} cells"
        raise InputError(
            "a line with another number of cells", file=path, row=row, value=line, allowed=allowed
        )
    return {name: cell for name, cell in zip(names, line, strict=True) if cell.strip()}


def header(path: Path, limit: int = 65_536) -> list[str]:
    """The names in the first line, or none where the file has no such line to read."""
    try:
        with path.open("rb") as handle:
            first = handle.read(limit).split(b"\n")[0].decode("utf-8-sig")
        return next(csv.reader([first]), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
