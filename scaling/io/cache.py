"""The person's own cache folder: whatever is in it may be removed at any time."""

from __future__ import annotations

import os
from pathlib import Path

# As the distribution is called.
NAME = "scaling-forecast"


def folder(name: str) -> Path | None:
    """The cache folder of that name, which need not exist; ``XDG_CACHE_HOME`` says where. None for
    an account without a home folder."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), NAME, name)
    return place if place.is_absolute() else None
