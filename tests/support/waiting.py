"""Waiting for a state: when it comes is the machine's business, that it comes is the test's.

No test here rests on seconds of a clock. One that waits looks until the state is there, and fails
when it has looked some thousand times and nothing has moved; what must take long waits at a gate
until the test opens it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")

PAUSE = 0.2  # between two looks
# Looks at something that stands still before it is taken for hung: half an hour and more, for looks
# are counted and not seconds, and a busy machine takes longer over each.
LOOKS = 9000
# What a process or an answer is given that the test can only wait for: as long.
HANG = LOOKS * PAUSE


def until(
    state: Callable[[], T],
    *,
    moving: Callable[[], object] = lambda: None,
    child: subprocess.Popen[str] | subprocess.Popen[bytes] | None = None,
    pause: float = PAUSE,
) -> T:
    """Wait until ``state()`` is true; what it then is.

    Fails when ``moving()``, which says how far things are, stays the same for `LOOKS` looks, or
    when ``child``, without which the state cannot come, has ended.
    """
    before, looks = moving(), 0
    while not (found := state()):
        assert child is None or child.poll() is None, f"it ended with status {child.returncode}"
        now = moving()
        before, looks = now, looks + 1 if now == before else 0
        assert looks < LOOKS * PAUSE / pause, f"nothing moves any more; it is {now or found!r}"
        time.sleep(pause)
    return found


def end_of(child: subprocess.Popen[str] | subprocess.Popen[bytes]) -> int:
    """The exit status of a process that ends by itself; one that hangs is killed, and it fails."""
    try:
        until(lambda: child.poll() is not None)
    except BaseException:
        child.kill()
        raise
    return child.wait()


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, also where nobody collects it."""
    try:
        ended: bool = process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    return ended


class Gate:
    """Where processes wait until the test opens it; if the test dies, the system opens it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        # A line of Python with which a process waits.
        self.line = f"import fcntl; fcntl.flock(open({str(file)!r}), fcntl.LOCK_SH)"
        self.shut()

    def shut(self) -> None:
        """Have whoever comes from now on wait."""
        self._handle = os.open(self.file, os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def open(self) -> None:
        """Let everyone pass, now and until it is shut."""
        os.close(self._handle)
