"""What a source format is: the contract that every file in this folder fills.

A format file holds a docstring, one `read` and one module-level ``FORMAT``. The folder is the
registry: `scaling.runs.formats.load` crawls it. A file whose name starts with '_' is not a format.

`read` turns a file (or, for trackers, a folder) into a frame that holds every cell as the file
has it: nothing is cast or filled, because what does not fit the run schema has to reach quarantine
as it came. What it assumes of the file, or leaves out (title rows, comments), it says. It raises
`InputError` where the file as a whole cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from scaling.errors import InputError

# Names are looked at one by one: wider than any log of a run, and still a matter of a second.
MOST_COLUMNS = 10_000


# Endings of compressed files.
PACKED = (".gz", ".zst")


def bare_name(path: Path) -> str:
    """The file's name in small letters, without the ending of a compressed file."""
    name = path.name.lower()
    return name[: name.rindex(".")] if name.endswith(PACKED) else name


def refuse_wide(columns: int, path: Path) -> None:
    """Raise InputError for a table of more columns than `MOST_COLUMNS`."""
    if columns > MOST_COLUMNS:
        allowed = f"<= {MOST_COLUMNS} columns"
        raise InputError("too wide a table", file=path, value=columns, allowed=allowed)


def _unheard(_: str) -> None:
    """Where nobody listens."""


@dataclass(frozen=True)
class ReadOptions:
    """How a person says that a file is to be read; None where the file itself shows it.

    - ``sheet``: name of a workbook's sheet.
    - ``header``: number of the line that names the columns, from 1, or 'none'.
    - ``decimal``: sign before the decimals of a number, ',' or '.'.
    - ``date_format``: order and signs of days as `datetime.strptime` has them, '%d/%m/%Y'.
    - ``say``: hears what the reader assumes or leaves out, a sentence each.
    """

    sheet: str | None = None
    header: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    say: Callable[[str], None] = field(default=_unheard, compare=False)

    def given(self) -> dict[str, Any]:
        """The options that a person gave, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.compare}
        return {name: value for name, value in values.items() if value is not None}


AS_IT_IS = ReadOptions()


def flag(option: str) -> str:
    """A read option as it is written on the command line."""
    return f"--{option.replace('_', '-')}"


class Reader(Protocol):
    """What reads a file."""

    def __call__(self, path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
        """The cells of the file or folder."""


@dataclass(frozen=True)
class Format:
    """One format that comes in.

    ``suffixes`` are lower-case ends of file names, with their dot. ``recognise`` is for formats
    that a suffix does not tell (folders, say); it is asked before any suffix is looked at.
    ``typed`` is False where the file knows only text, so that a number is a matter of reading.
    ``raw`` is True for trackers: their frame (`scaling.runs.formats._raw`) has the tracker's own
    names and units, and is a run table only after a mapping. ``own_ids`` is True where the tracker
    gave its runs ids that are unique, and not just a name or a place. ``ordered`` is False where
    rows do not stand in the order in which they were written, so that no restart can be seen. Of a
    folder, `read` needs the files whose paths match ``needs``; beside a file, those that are called
    like ``beside``. ``batches`` reads a large table in parts, in order. ``takes`` names the options
    of `ReadOptions` that `read` heeds; ``date_format`` holds for every table. ``packed`` is True
    where the file may end in .gz or .zst. ``seen`` says which tool and version wrote the files that
    it was tried on, and when.
    """

    name: str
    meaning: str
    suffixes: tuple[str, ...]
    read: Reader
    seen: str
    typed: bool = True
    recognise: Callable[[Path], bool] | None = None
    raw: bool = False
    own_ids: bool = False
    ordered: bool = True
    needs: tuple[str, ...] = ("*",)
    beside: tuple[str, ...] = ()
    batches: Callable[[Path, ReadOptions], Iterator[pl.DataFrame]] | None = None
    takes: tuple[str, ...] = ()
    packed: bool = False

    def claims(self, path: Path) -> bool:
        """Whether this format reads that path."""
        if self.recognise is not None:
            return self.recognise(path)
        name = bare_name(path) if self.packed else path.name.lower()
        return name.endswith(self.suffixes)
