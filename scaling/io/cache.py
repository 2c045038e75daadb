"""The person's own cache folder: whatever is in it may be removed at any time."""

from __future__ import annotations

import os
from pathlib import Path

from scaling.extras import DISTRIBUTION


def folder(name: str) -> Path:
    """The cache folder of that name, which need not exist; ``XDG_CACHE_HOME`` says where."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, DISTRIBUTION, name).absolute()
