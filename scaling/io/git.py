"""Questions to Git."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path


def git(folder: Path, *arguments: str) -> bytes | None:
    """What git answers, or None when it cannot (no git, no repository, no such object)."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def committed(folder: Path, commit: str) -> datetime | None:
    """When a commit was made; None for one that this clone does not have."""
    said = git(folder, "show", "-s", "--format=%ct", commit)
    return None if not said else datetime.fromtimestamp(int(said.split()[-1]), UTC)


def objects(folder: Path, names: Iterable[str]) -> dict[str, tuple[str, bytes]]:
    """Name -> id and content of each object that Git has, asked for in one process.

    A name is what ``git rev-parse`` takes, without line breaks; those that Git lacks are left out.
    """
    asked = list(dict.fromkeys(names))
    text = "".join(f"{name}\n" for name in asked).encode()
    command = ["git", "-C", str(folder), "cat-file", "--batch"]
    try:
        answer = subprocess.run(command, input=text, capture_output=True).stdout
    except FileNotFoundError:
        return {}
    found, at = {}, 0
    for name in asked:
        end = answer.find(b"\n", at)
        head = answer[at:end].decode(errors="replace").split(" ")
        at = end + 1
        if end < 0 or len(head) < 3 or not head[-1].isdigit():  # "NAME missing"
            continue
        found[name] = head[0], answer[at : at + int(head[-1])]
        at += int(head[-1]) + 1
    return found


def read_object(folder: Path, name: str) -> tuple[str, bytes] | None:
    """Id and content of an object; None where Git does not have it.

    As `objects`, for questions that come one by one: the process that answers is kept, so that
    thousands of them start no other.
    """
    if "\n" in name or not folder.is_dir():
        return None
    at = folder.stat()
    # A fork may not share its parent's process, nor a folder that of one that was there before.
    key = os.getpid(), at.st_dev, at.st_ino
    with _lock:
        for _ in range(2):
            with contextlib.suppress(OSError, EOFError):
                return _answer(_process(key, folder), name)
            _close(key)  # it ended: there is no repository, or somebody ended it
    return None


# Processes that are kept: the versions of a project stand in two folders.
_KEPT = 2
_Key = tuple[int, int, int]
_lock = threading.Lock()
# With each the folder, held open: the disk gives its number to no other folder meanwhile.
_processes: dict[_Key, tuple[subprocess.Popen[bytes], int]] = {}


def _process(key: _Key, folder: Path) -> subprocess.Popen[bytes]:
    if key not in _processes:
        while len(_processes) >= _KEPT:
            _close(next(iter(_processes)))
        started = subprocess.Popen(
            ["git", "-C", str(folder), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        _processes[key] = started, os.open(folder, os.O_RDONLY)
    return _processes[key][0]


def _answer(process: subprocess.Popen[bytes], name: str) -> tuple[str, bytes] | None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{name}\n".encode())
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise EOFError
    head = line.decode(errors="replace").split(" ")
    if len(head) < 3 or not head[-1].strip().isdigit():  # "NAME missing"
        return None
    size = int(head[-1])
    content = process.stdout.read(size + 1)
    if len(content) <= size:
        raise EOFError
    return head[0], content[:-1]


def _close(key: _Key) -> None:
    """End a process, unless it is a parent's."""
    if key not in _processes:
        return
    process, handle = _processes.pop(key)
    os.close(handle)
    if key[0] != os.getpid():
        process.returncode = 0  # not ours to wait for
        return
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
    process.wait()


@atexit.register
def close_all() -> None:
    """End the processes that are kept for `read_object`."""
    for key in list(_processes):
        _close(key)
