"""What DVC leaves when it is killed while it writes its own files, put right.

DVC writes `.dvc/tmp/rwlock` (who reads and writes what, while it runs) and `dvc.lock` in place, so
a kill can leave either cut short, and DVC then refuses every command. The first is of no use after
its process; of the second Git has the last whole one, or stages are run or restored again.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from scaling import durable
from scaling.version import git

# A DVC that a killed refit left behind may be writing just now.
PATIENCE = 2.0


def mend(root: Path) -> None:
    """Make both files readable again, and say so on standard error."""
    busy, lock = root / ".dvc/tmp/rwlock", root / "dvc.lock"
    if _stays_broken(busy, _is_rwlock):
        busy.unlink(missing_ok=True)
        _say(f"{busy.relative_to(root)} was cut short by a kill; removed")
    if _stays_broken(lock, _is_dvc_lock):
        committed = git(root, "show", "HEAD:./dvc.lock")
        if committed is None:
            lock.unlink(missing_ok=True)
        else:
            durable.rename(durable.write_beside(root, committed), lock)
        _say("dvc.lock was cut short by a kill; stages since its last commit are looked at again")


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
