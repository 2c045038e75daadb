"""Where the columns of a table have their names: below titles, with blanks, or nowhere.

Shared by text tables and workbooks. A rule decides only where the cells leave one reading; what
was left out or assumed is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, counted, shorten
from scaling.runs.formats._source import ReadOptions, refuse_wide
from scaling.runs.schema import RUN, by_name

NONE = "none"
# Rows in which a header below titles is looked for, and those that are compared with the first.
_LOOK = 30
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d+)*|\.\d+)([eE][+-]?\d+)?\s*|(?i:\s*nan\s*)")
_OURS = by_name(RUN)
# An index that pandas wrote: whole numbers, each once.
_WHOLE = r"^\d+$"

Cells = Sequence[Any]


@dataclass
class Heading:
    """The names of a table's columns.

    - ``rows``: how many rows stand before the data, with the one of the names.
    - ``names``: a name a column, None where it has none.
    - ``unnamed``: what to do with columns without a name, once it was decided.
    """

    rows: int
    names: list[str | None]
    unnamed: dict[int, str | None] = field(default_factory=dict)

    def named(self, frame: pl.DataFrame, path: Path, options: ReadOptions) -> pl.DataFrame:
        """The frame, whose columns are numbered, under the names.

        Raises:
            InputError: a column with cells and no name.
        """
        for i, name in enumerate(self.names):
            if name is None:
                self._settle(i, frame[frame.columns[i]], path, options)
        names = [self.unnamed[i] if n is None else n for i, n in enumerate(self.names)]
        kept = [i for i, name in enumerate(names) if name is not None]
        if not kept:
            raise InputError("no column has a name", file=path)
        return frame.select(pl.col(frame.columns[i]).alias(str(names[i])) for i in kept)

    def _settle(self, place: int, cells: pl.Series, path: Path, options: ReadOptions) -> None:
        """Leave out an index and an empty column; give a first column of texts a name."""
        text = cells.cast(pl.String).str.strip_chars().replace("", None).drop_nulls()
        index = place == 0 and bool(text.str.contains(_WHOLE).all()) and text.is_unique().all()
        known = place in self.unnamed
        if known and self.unnamed[place] is not None:
            return
        if text.is_empty() or index:
            if not known:
                why = "is empty" if text.is_empty() else "numbers the rows, as pandas' index does"
                options.say(f"column {place + 1} has no name and {why}: left out")
            self.unnamed[place] = None
            return
        if place or known:
            hint = "Name the column, or delete it."
            raise InputError(f"column {place + 1} has no name", file=path, value=text[0], hint=hint)
        taken = f"column_{place + 1}"
        options.say(f"column 1 has no name: it is called {taken!r} here ({shorten(text[0], 40)})")
        self.unnamed[place] = taken


def heading(
    rows: Sequence[Cells], numbers: Sequence[int], path: Path, options: ReadOptions
) -> Heading:
    """The names in the first rows of a table.

    Args:
        rows: the first rows, blank ones too.
        numbers: the line (of text) or row (of a workbook) at which each stands, from 1.

    Raises:
        InputError: two columns of one name, or no row where the options say that the names are.
    """
    if not rows:
        raise InputError("the table has no rows", file=path, hint="Delete the file or fill it.")
    width = Counter(_length(row) for row in rows if _filled(row)).most_common(1)
    most = width[0][0] if width else 0
    at = _place(rows, numbers, most, path, options)
    if at is None:
        columns = max(most, _length(rows[0]))
        refuse_wide(columns, path)
        names = [f"column_{i + 1}" for i in range(columns)]
        why = "as stated" if options.header else f"line {numbers[0]} has numbers"
        options.say(f"no header ({why}): the columns are {names[0]} to {names[-1]}")
        return Heading(0, list(names))
    if above := [shorten(_words(row), 60) for row in rows[:at] if _filled(row)]:
        lines = f"{counted(len(above), 'line')} above the header (line {numbers[at]})"
        options.say(f"{lines} left out: {'; '.join(above[:3])}")
    return Heading(at + 1, _names(rows[at], path, options))


def _place(
    rows: Sequence[Cells], numbers: Sequence[int], width: int, path: Path, options: ReadOptions
) -> int | None:
    """Which of the rows has the names; None where none has."""
    stated = options.header
    if stated == NONE:
        return None
    if stated is not None:
        if not stated.isdecimal() or int(stated) not in numbers:
            allowed = f"{NONE}, or the number of a line with cells ({numbers[0]} to {numbers[-1]})"
            raise InputError("no such header", file=path, value=stated, allowed=allowed)
        return numbers.index(int(stated))
    if is_data(rows):
        return None
    for i, row in enumerate(rows[:_LOOK]):
        if i and _names_columns(row, rows[i + 1 : i + 1 + _LOOK], width):
            return i
        # A title fills at most half of the columns, so a first row of names is never one.
        if _filled(row) > max(width // 2, 1) or width < 2:
            break
    return 0


def is_data(rows: Sequence[Cells]) -> bool:
    """Whether the first row looks like those below it, numbers where they have numbers."""
    first, below = rows[0], [row for row in rows[1:_LOOK] if _filled(row)]
    numeric = [_is_number(cell) for cell in first]
    texts = [cell for cell in first if isinstance(cell, str)]
    if not any(numeric) or any(cell.strip() in _OURS for cell in texts):
        return False
    if all(numeric):
        return True
    kinds = ([_is_number(c) for c in row] for row in below if _length(row) == _length(first))
    pairs = [kind == numeric for kind in kinds]
    return 2 * sum(pairs) >= len(pairs)


def _names_columns(row: Cells, below: Sequence[Cells], width: int) -> bool:
    """Whether a row below titles names the columns: texts everywhere, and numbers come below."""
    cells = list(row[1:]) if _blank(row[0] if row else None) else list(row)
    named = all(isinstance(cell, str) and cell.strip() for cell in cells)
    if not cells or not named or _length(row) != width or any(map(_is_number, row)):
        return False
    return any(_is_number(cell) for under in below for cell in under)


def _names(row: Cells, path: Path, options: ReadOptions) -> list[str | None]:
    refuse_wide(len(row), path)
    names: list[str | None] = []
    spaced = []
    for cell in row:
        if cell is not None and not isinstance(cell, str):
            raise InputError("a name that is no text", file=path, value=cell, allowed="texts")
        name = cell or ""
        if name != name.strip() and name.strip():
            spaced.append(name)
        name = name.strip()
        if name and name in names:
            raise InputError("two columns of this name", file=path, column=name)
        names.append(name or None)
    if spaced:
        options.say(f"spaces around names are left out: {', '.join(map(repr, spaced[:4]))}")
    return names


def _words(row: Cells) -> str:
    return " ".join(str(cell).strip() for cell in row if not _blank(cell))


def _length(row: Cells) -> int:
    return len(row)


def _filled(row: Cells) -> int:
    return sum(not _blank(cell) for cell in row)


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return _NUMBER.fullmatch(cell) is not None
    return isinstance(cell, int | float) and not isinstance(cell, bool)
