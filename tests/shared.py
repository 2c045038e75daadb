"""Where tables without an open licence lie, for tests and benchmarks that use them where they can.

SCALING_SHARED names the folder; without it, ../shared beside the project is looked for.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def shared(*parts: str) -> Path | None:
    """A file or folder of the shared data; None where it is absent."""
    named = os.environ.get("SCALING_SHARED")
    base = Path(named) if named else ROOT.parent / "shared"
    path = base.joinpath("data", *parts)
    return path if path.exists() else None
