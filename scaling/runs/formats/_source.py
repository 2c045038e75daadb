"""What a source format is: the contract that every file in this folder fills.

A format file holds a docstring, one `read` and one module-level ``FORMAT``. The folder is the
registry: `scaling.runs.formats.load` crawls it. A file whose name starts with '_' is not a format.

`read` turns a file (or, for trackers, a folder) into a frame that holds every cell as the file
has it: nothing is cast, filled, renamed or dropped, because what does not fit the run schema has
to reach quarantine as it came. It raises `InputError` where the file as a whole cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from scaling.errors import InputError

# Names are looked at one by one: wider than any log of a run, and still a matter of a second.
MOST_COLUMNS = 10_000


def refuse_wide(columns: int, path: Path) -> None:
    """Raise InputError for a table of more columns than `MOST_COLUMNS`."""
    if columns > MOST_COLUMNS:
        allowed = f"<= {MOST_COLUMNS} columns"
        raise InputError("too wide a table", file=path, value=columns, allowed=allowed)


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
    like ``beside``. ``batches`` reads a large table in parts, in order.
    """

    name: str
    meaning: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], pl.DataFrame]
    typed: bool = True
    recognise: Callable[[Path], bool] | None = None
    raw: bool = False
    own_ids: bool = False
    ordered: bool = True
    needs: tuple[str, ...] = ("*",)
    beside: tuple[str, ...] = ()
    batches: Callable[[Path], Iterator[pl.DataFrame]] | None = None

    def claims(self, path: Path) -> bool:
        """Whether this format reads that path."""
        if self.recognise is not None:
            return self.recognise(path)
        return path.name.lower().endswith(self.suffixes)
