"""Where the workspace is: the nearest folder, from here upwards, that is one."""

from __future__ import annotations

from pathlib import Path

from scaling.record import settings

MARK = settings.FILE


def find(start: Path) -> Path | None:
    """The workspace that ``start`` lies in; None outside of any."""
    for folder in (start, *start.parents):
        if (folder / MARK).is_file():
            return folder
    return None
