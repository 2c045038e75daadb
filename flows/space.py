"""A full disk, named as the reason of whatever it broke."""

from __future__ import annotations

import shutil
from pathlib import Path

# Prefect's empty database takes about a megabyte, and as much again for its journal.
SMALL_DISK = 8 * 2**20


def little_space(folder: Path) -> str:
    """How little space is left on the folder's disk, for an error; empty where there is enough."""
    free = shutil.disk_usage(folder).free
    return f" ({free // 1024} kB of space are left on its disk)" if free < SMALL_DISK else ""
