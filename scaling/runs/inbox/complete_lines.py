"""Tables whose last row has no line end: legal, and what a file looks like that is still written.

Cut inside its last cell such a row is as wide as it should be, and 2.3 is as good a number as 2.34.
In JSON lines a row that is cut has no closing brace and is refused.
"""

from __future__ import annotations

import os
from pathlib import Path

SUFFIXES = (".csv", ".tsv", ".txt")
NO_LINE_END = "no line end after the last row: if it was still being written, the last cell is cut"


def open_ended(path: Path) -> bool:
    """Whether a table of lines stops without a line end."""
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        with path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) not in b"\r\n"
    except OSError:  # empty, a folder, or gone since it was listed
        return False
