"""Writes that survive a kill or a power cut: beside, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
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


def write(path: Path, content: bytes, *, within: Path | None = None) -> None:
    """Put a file with this content in its place, as `new_file` does."""
    with new_file(path, within=within) as beside:
        beside.write_bytes(content)


@contextlib.contextmanager
def new_file(path: Path, *, within: Path | None = None) -> Iterator[Path]:
    """An empty file to fill; at the end it takes the place of ``path``.

    A reader sees the old file or the new one. The new one lies in ``within`` (default: the folder
    of ``path``; the same disk) until then. What a killed writer left is overwritten by the next; a
    second writer of the same file waits for the first.
    """
    with _temporary(path, Path.touch, within or path.parent) as beside:
        yield beside
        _sync(beside)
        rename(beside, path)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill; at the end it takes the place of ``path``. One writer at a time.

    A kill between the two renames that this takes leaves no folder; the next call puts the old one
    back before it yields.
    """
    old = path.with_name(f"{TEMPORARY}{path.name}.old")
    with _temporary(path, Path.mkdir, path.parent) as beside:
        if old.exists() and not path.exists():
            old.rename(path)
        for left in (old, *beside.iterdir()):
            _remove(left)
        yield beside
        sync_tree(beside)
        if path.exists():
            path.rename(old)
        rename(beside, path)
        _remove(old)


def fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, by their names below it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def drop_cut_line(path: Path) -> None:
    """Remove what follows the last line break of a file: the line that a kill cut."""
    data = path.read_bytes() if path.exists() else b""
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)


def rename(beside: Path, path: Path) -> None:
    """Put a finished file or folder in its place: a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.replace(path)
    _sync(path.parent)
    _sync(beside.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in this folder."""
    for path in folder.glob(TEMPORARY + "*"):
        _remove(path)


def sync_tree(folder: Path) -> None:
    """Wait until the disk has every file and name below the folder."""
    for base, _, names in os.walk(folder, topdown=False):
        for name in names:
            _sync(Path(base, name))
        _sync(Path(base))


@contextlib.contextmanager
def _temporary(path: Path, make: Callable[..., None], folder: Path) -> Iterator[Path]:
    """The temporary file or folder of ``path`` in ``folder``; removed when the writer fails."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / (TEMPORARY + path.name)
    handle = _hold(beside, make)
    try:
        yield beside
    except BaseException:
        _remove(beside)
        raise
    finally:
        os.close(handle)


def _hold(beside: Path, make: Callable[..., None]) -> int:
    """Make it and lock it; returns the handle that has the lock."""
    while True:
        make(beside, exist_ok=True)
        handle = -1
        with contextlib.suppress(FileNotFoundError):  # another writer renamed it just now
            handle = os.open(beside, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(handle), beside.stat()):
                return handle
        if handle >= 0:
            os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until the disk has this file, or the names in this folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_full(error: BaseException) -> bool:
    """Whether the error says that the disk, one's share of it, or what a file may have, is full."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, OSError) and error.errno in full


# Prefect's empty database takes about a megabyte, and as much again for its journal.
SMALL_DISK = 8 * 2**20


def little_space(folder: Path) -> str:
    """How little space is left on the folder's disk, for an error; empty where there is enough."""
    free = shutil.disk_usage(folder).free
    return f" ({free // 1024} kB of space are left on its disk)" if free < SMALL_DISK else ""
