"""Whether a project is as it was when DVC last called every output fresh, without starting DVC.

DVC takes most of a CPU second to find that nothing changed. As in its own record of hashes, and in
Git's index, a file with the same size, times and inode is the same file; here the time at which
the system noted its last change counts too, so that a copy with an old date is seen. Whatever is
not the same is left to DVC, which compares contents.

A DVC cache that lies outside the project is not looked at: outputs that it lost are still here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from scaling.io import atomic

RECORD = Path(".dvc/tmp/scaling-unchanged")
# A change within one tick of a file system's clock may leave the times as they were; the coarsest
# in use, FAT's, has ticks of two seconds.
TICK_SECONDS = 2.0


def signature(root: Path) -> str | None:
    """A hash of the path, size, times and inode of every file of the project.

    Left out are `__pycache__`, DVC's temporary files and other hidden folders of the top (`.git`).
    None where that cannot tell: a file changed just now, or a folder is a link.
    """
    young = time.time_ns() - int(TICK_SECONDS * 1e9)
    found = hashlib.sha256()
    with contextlib.suppress(OSError):
        for path, facts in sorted(_files(str(root))):
            if facts is None or facts.st_ctime_ns >= young:
                return None
            times = f"{facts.st_mtime_ns} {facts.st_ctime_ns}"
            found.update(f"{path}\0{facts.st_size} {times} {facts.st_ino}\n".encode())
        return found.hexdigest()
    return None


def is_as_noted(root: Path, now: str | None) -> bool:
    """Whether this signature is the one that `note` kept."""
    try:
        return now is not None and (root / RECORD).read_text(encoding="utf-8") == now
    except (OSError, UnicodeDecodeError):
        return False


def note(root: Path, before: str | None) -> None:
    """Keep the signature of a project that DVC, asked after it was taken, calls fresh."""
    if before is not None:
        atomic.write(root / RECORD, before.encode())


def _files(top: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """Every file with its facts; None for those of a folder that is a link."""
    with os.scandir(top) as entries:
        for entry in entries:
            hidden = entry.name.startswith(".") and entry.name != ".dvc"
            if not entry.is_dir():
                yield entry.path, entry.stat()
            elif not hidden:
                yield from _below(entry)


def _below(folder: os.DirEntry[str]) -> Iterator[tuple[str, os.stat_result | None]]:
    if folder.name == "__pycache__" or folder.path.endswith("/.dvc/tmp"):
        return
    if folder.is_symlink():
        yield folder.path, None
        return
    with os.scandir(folder.path) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _below(entry)
            else:
                yield entry.path, entry.stat()
