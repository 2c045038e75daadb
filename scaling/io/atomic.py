"""Writes that survive a kill or a power cut: beside, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

TEMPORARY = ".tmp-"


@contextlib.contextmanager
def locked(
    folder: Path, *, shared: bool = False, waiting: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the lock of ``folder``; the system takes it back when the process ends, however.

    ``waiting`` is called once when another process has the lock.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


def write(path: Path, content: bytes) -> None:
    """Write the file and wait until the disk has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def write_beside(folder: Path, content: bytes) -> Path:
    """A temporary file in ``folder`` with this content, ready to be renamed."""
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=folder)
    os.close(handle)
    beside = Path(name)
    write(beside, content)
    beside.chmod(0o644)
    return beside


def rename(beside: Path, path: Path) -> None:
    """Put a finished file or folder in its place: a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.replace(path)
    sync(path.parent)
    sync(beside.parent)


def replace(path: Path, content: bytes) -> None:
    """Put a file with this content in its place: a reader sees the old one or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rename(write_beside(path.parent, content), path)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed writer left beside."""
    for path in folder.glob(TEMPORARY + "*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def sync(folder: Path) -> None:
    """Wait until the disk has the names in this folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_full(error: BaseException) -> bool:
    """Whether the error says that the disk, one's share of it, or what a file may have, is full."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, OSError) and error.errno in full


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` holds either the old bytes or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    with beside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


# Prefect's empty database takes about a megabyte, and as much again for its journal.
SMALL_DISK = 8 * 2**20


def little_space(folder: Path) -> str:
    """How little space is left on the folder's disk, for an error; empty where there is enough."""
    free = shutil.disk_usage(folder).free
    return f" ({free // 1024} kB of space are left on its disk)" if free < SMALL_DISK else ""
