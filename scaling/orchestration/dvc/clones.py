"""Stages in another clone of the project: code by Git, tables by a DVC remote, the rest by hand.

With ``SCALING_CLONES=REMOTE`` a worker of a cluster need not see this folder. ``SCALING_ROOT``
names, on the worker's machine, a clone whose Git remote ``origin`` and whose DVC remote ``REMOTE``
are the ones of this project. A fan-out is then

1. here: the tables that the stages read are pushed to the DVC remote (`push_inputs`);
2. there: the same commit is checked out, the tables are pulled, DVC runs the stages and pushes what
   it caches; the result is what Git keeps and the entries of ``dvc.lock`` (`run_in_clone`);
3. here: both are written down, and what was cached is pulled (`collect`).

Nothing is taken on trust: DVC compares every hash before anything is
published, and a worker whose code or tables differ leaves stages that DVC calls stale.

Rests on internals of dvc 3.67.1: the entries of stages in `dvc.lock`, which are carried over.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scaling.errors import InputError
from scaling.io import atomic
from scaling.orchestration.dvc.graph import dvc, reproduce
from scaling.orchestration.dvc.process import Outcome, StageFailed

CLONES, ROOT = "SCALING_CLONES", "SCALING_ROOT"
LOCK = "dvc.lock"
# What a run makes and Git keeps; other changes to tracked files are someone's edits.
MADE = (LOCK, "data/", "reports/")


@dataclass(frozen=True)
class CloneInputs:
    """What a clone needs to run stages: commit, ``dvc.lock``, the remote with the tables."""

    commit: str
    lock: bytes
    remote: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class CloneResults:
    """What stages wrote in a clone: entries of ``dvc.lock``, and the files that Git keeps."""

    outcomes: list[Outcome]
    failures: list[StageFailed]
    entries: dict[str, Any]
    files: dict[str, bytes]


def push_inputs(root: Path, remote: str, needs: Iterable[str]) -> CloneInputs:
    """Push what the stages ``needs`` made. Raises InputError when a clone could not be the same."""
    edited = _git(root, "diff", "--name-only", "HEAD").split("\n")
    edited = [name for name in edited if name and not name.startswith(MADE)]
    if edited:
        hint = "Commit and push them: the workers' clones have only what was committed."
        raise InputError("edits that are not committed", file=root, value=edited[:5], hint=hint)
    wanted = tuple(needs)
    _dvc(root, "push", "--remote", remote, *wanted)
    return CloneInputs(_git(root, "rev-parse", "HEAD").strip(), _lock(root), remote, wanted)


def run_in_clone(
    offered: CloneInputs, stages: Sequence[str], seconds: float, keep_going: bool
) -> CloneResults:
    """Run the stages in this machine's clone, and push what DVC caches of them.

    Raises InputError when there is no clone, or it cannot be brought to the commit.
    """
    root = _clone()
    with atomic.locked(root):
        _check_out(root, offered.commit)
        atomic.write(root / LOCK, offered.lock)
        _dvc(root, "pull", "--force", "--remote", offered.remote, *offered.needs)
        outcomes, failures = reproduce(root, stages, seconds, keep_going=keep_going)
        done = [one.stage for one in outcomes]
        if done:
            _dvc(root, "push", "--remote", offered.remote, *done)
        locked = yaml.safe_load(_lock(root)).get("stages", {})
        entries = {stage: locked[stage] for stage in done}
        return CloneResults(outcomes, failures, entries, _kept_by_git(root, _outs(entries)))


def collect(root: Path, remote: str, results: Sequence[CloneResults]) -> None:
    """Write what clones computed, and pull what they cached. Raises InputError."""
    entries = {stage: entry for one in results for stage, entry in one.entries.items()}
    if not entries:
        return
    declared = set(_outs(entries))
    for name, content in ((n, c) for one in results for n, c in one.files.items()):
        if name not in declared or not (root / name).resolve().is_relative_to(root.resolve()):
            raise InputError("a worker sent a file that is no output", file=name)
        atomic.write(root / name, content)
    locked = yaml.safe_load(_lock(root)) or {"schema": "2.0"}
    locked.setdefault("stages", {}).update(entries)
    text = yaml.safe_dump(locked, sort_keys=False, allow_unicode=True)
    atomic.write(root / LOCK, text.encode())
    _dvc(root, "pull", "--force", "--remote", remote, *entries)


def _clone() -> Path:
    root = os.environ.get(ROOT)
    if root is None or not (Path(root) / "dvc.yaml").is_file():
        hint = "Set it where the worker is started."
        raise InputError("no clone of the project", column=ROOT, value=root, hint=hint)
    return Path(root).resolve()


def _check_out(root: Path, commit: str) -> None:
    """Bring the clone to the commit; earlier tasks' outputs are given up, edits are not."""
    if _git(root, "rev-parse", "HEAD").strip() == commit:
        return
    _git(root, "fetch", "--quiet", "origin")
    _git(root, "checkout", "--quiet", "--", *MADE)
    _git(root, "checkout", "--quiet", "--detach", commit)


def _outs(entries: dict[str, Any]) -> list[str]:
    return [str(out["path"]) for entry in entries.values() for out in entry["outs"]]


def _kept_by_git(root: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The contents of the files that Git does not ignore: those DVC does not cache."""
    if not names:
        return {}
    command = ["git", "-C", str(root), "check-ignore", "--stdin"]
    asked = subprocess.run(command, input="\n".join(names), capture_output=True, text=True)
    ignored = set(asked.stdout.splitlines())
    return {name: (root / name).read_bytes() for name in names if name not in ignored}


def _lock(root: Path) -> bytes:
    file = root / LOCK
    return file.read_bytes() if file.is_file() else b"schema: '2.0'\n"


def _dvc(root: Path, *arguments: str) -> None:
    done = dvc(root, *arguments)
    if done.returncode != 0:
        raise InputError(f"`dvc {arguments[0]}` failed: {done.stderr.strip()}", file=root)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise InputError(f"`git {arguments[0]}` failed: {done.stderr.strip()}", file=root)
    return done.stdout
