"""One flow at a time in a project, however each was started."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaling.io import atomic
from scaling.orchestration.dvc.repair import repair
from scaling.orchestration.server.parent_watchdog import end_with_parent

_HELD: set[Path] = set()


@contextmanager
def hold_project(root: Path) -> Iterator[bool]:
    """Hold the project's lock; yields whether this call took it, or this process had it already."""
    root = root.resolve()
    end_with_parent()
    if root in _HELD:
        yield False
        return
    with atomic.locked(root, waiting=_say_waiting):
        _HELD.add(root)
        try:
            repair(root)
            yield True
        finally:
            _HELD.discard(root)


def _say_waiting() -> None:
    print("another command is running here; waiting for it to finish", file=sys.stderr)
