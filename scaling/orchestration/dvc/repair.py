"""Repair what a kill leaves of DVC's own files.

DVC writes `.dvc/tmp/rwlock` (who reads and writes what, while it runs) and `dvc.lock` in place, so
a kill can leave either cut short, and DVC then refuses every command. The first is of no use after
its process; of the second Git has the last whole one, or stages are run or restored again.

A DVC whose flow was killed goes on with its stage, and DVC refuses what it holds: it is waited for.
DVC only asks whether the PID is in use, which may be by another process, or by a dead one that
nobody has collected: such an entry is removed.

Rests on internals of dvc 3.67.1: the name and form of `rwlock`, both files written in place, and
what a stage has in `dvc.lock`.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from scaling.io import atomic
from scaling.io.git import git

if TYPE_CHECKING:
    import psutil

# A DVC that a killed refit left behind may be writing just now, on a busy machine.
PATIENCE = 10.0
# As long as a stage may take (`scaling.orchestration.dvc.graph.STAGE_SECONDS`).
ORPHAN_SECONDS = 7200.0


def repair(root: Path) -> None:
    """Make both files readable again, and say so on standard error."""
    busy, lock = root / ".dvc/tmp/rwlock", root / "dvc.lock"
    if _stays_broken(busy, _is_rwlock):
        busy.unlink(missing_ok=True)
        _say(f"{busy.relative_to(root)} was cut short by a kill; removed")
    _wait_for_orphans(busy)
    if _stays_broken(lock, _is_dvc_lock):
        committed = git(root, "show", "HEAD:./dvc.lock")
        if committed is None:
            lock.unlink(missing_ok=True)
        else:
            atomic.write(lock, committed)
        _say("dvc.lock was cut short by a kill; stages since its last commit are checked again")


def _wait_for_orphans(busy: Path) -> None:
    """Wait for every DVC that the file names; forget those that are none any more."""
    try:
        given = json.loads(busy.read_text(encoding="utf-8"))
        held = [one for infos in given.get("read", {}).values() for one in infos]
        pids = {int(one["pid"]) for one in [*held, *given.get("write", {}).values()] if one}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return
    if not pids:
        return
    import psutil  # a look that finds nothing new need not load it

    alive = {pid: process for pid in sorted(pids) if (process := _dvc(pid)) is not None}
    for pid, process in alive.items():
        _say(f"a DVC that an earlier run left behind is still at work (PID {pid}); waiting for it")
        with contextlib.suppress(psutil.Error):
            process.wait(ORPHAN_SECONDS)
    gone = [pid for pid in pids - set(alive) if psutil.pid_exists(pid)]
    if gone:
        busy.unlink(missing_ok=True)
        _say(f"{busy.name} named a process that is no DVC (PID {min(gone)}); removed")


def _dvc(pid: int) -> psutil.Process | None:
    """The process, if it is alive and a DVC."""
    import psutil

    try:
        process = psutil.Process(pid)
        dead = process.status() == psutil.STATUS_ZOMBIE
        return process if not dead and "dvc" in " ".join(process.cmdline()) else None
    except psutil.Error:
        return None


def _stays_broken(path: Path, is_whole: Callable[[str], bool]) -> bool:
    """Whether the file is there, and not whole for as long as a write could take."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if is_whole(path.read_text(encoding="utf-8")):
                return False
        except FileNotFoundError:
            return False
        except UnicodeDecodeError:
            pass
        if time.monotonic() > deadline:
            return True
        time.sleep(0.1)


def _is_rwlock(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _is_dvc_lock(text: str) -> bool:
    """Whether every stage has what DVC asks of one: a command, and outputs with their hashes."""
    try:
        given: Any = yaml.load(text, Loader=_LOADER)  # noqa: S506  # it is a safe one
        return text.endswith("\n") and all(map(_is_stage, given["stages"].values()))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        return False


def _is_stage(one: Any) -> bool:
    """As DVC writes a stage; a cut at the end of a line leaves an empty or incomplete part."""
    listed = [entry for name in ("deps", "outs") for entry in one.get(name, ())]
    chosen = one.get("params", {}).values()
    whole = all("path" in entry and _hashed(entry) for entry in listed)
    return "cmd" in one and whole and all(isinstance(part, dict) for part in chosen)


def _hashed(entry: dict[str, Any]) -> bool:
    return "hash" not in entry or isinstance(entry.get(entry["hash"]), str)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# The compiled loader reads a lock file of a hundred stages in some milliseconds.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
