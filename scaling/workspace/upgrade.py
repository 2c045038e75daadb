"""Move a workspace to the engine that is installed."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaling.errors import InputError
from scaling.io import atomic
from scaling.io.git import git
from scaling.io.hashing import sha256
from scaling.workspace import engine, files

CONFLICT = "was edited here and changed by the engine, in the same lines"


@dataclass
class Upgraded:
    """What became of a workspace.

    Attributes:
        before, after: version and hash of the engines.
        stale: stages that run again at the next refit.
        written: managed files that were written, and how.
        conflicts: files that were left as they are, with where the merge is.
    """

    before: tuple[str, str]
    after: tuple[str, str]
    stale: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, Path] = field(default_factory=dict)


def upgrade(root: Path) -> Upgraded:
    """Name the installed engine, and write the managed files of the workspace as it has them.

    A file that was edited is merged: with what the last engine wrote, as Git has it, for a base.
    ``engine.yaml`` is written last, and only without a conflict, so the same command goes on.

    Raises:
        InputError: this is no workspace of one's own.
    """
    if not (root / engine.FILE).is_file():
        raise InputError(
            "is missing", file=root / engine.FILE, hint="A checkout is its own engine."
        )
    old, new = engine.read(root), engine.present()
    made = Upgraded(_name(old), _name(new))
    known = old.get("stages") or {}
    made.stale = [name for name, digest in new["stages"].items() if known.get(name) != digest]
    for name, text in files.managed().items():
        _bring(root, name, text, (old.get("managed") or {}).get(name), made)
    if not made.conflicts:
        engine.write(root, files.managed())
    return made


def _name(one: Mapping[str, Any]) -> tuple[str, str]:
    return str(one.get("version")), str(one.get("code"))[:12]


def _bring(root: Path, name: str, text: str, recorded: str | None, made: Upgraded) -> None:
    """Write one managed file, merge it, or leave it beside its merge."""
    path = root / name
    mine = path.read_text(encoding="utf-8") if path.is_file() else None
    if mine == text:
        return
    if mine is None or sha256(mine.encode()) == recorded:
        atomic.write(path, text.encode())
        made.written[name] = "written"
        return
    base = _recorded(root, name, recorded)
    merged, clean = _merged(mine, base or "", text)
    if clean and base is not None:
        atomic.write(path, merged.encode())
        made.written[name] = "merged with your edits"
        return
    beside = path.with_name(f"{path.name}.merged")
    atomic.write(beside, merged.encode())
    made.conflicts[name] = beside


def _recorded(root: Path, name: str, digest: str | None) -> str | None:
    """The text that the last engine wrote, where a commit has it."""
    listed = git(root, "log", "--format=%H", "--", name) or b""
    for commit in listed.decode().split():
        content = git(root, "show", f"{commit}:./{name}")
        if content is not None and sha256(content) == digest:
            return content.decode()
    return None


def _merged(mine: str, base: str, theirs: str) -> tuple[str, bool]:
    """The three-way merge of Git, and whether it has no conflict."""
    with tempfile.TemporaryDirectory() as folder:
        names = ("here", "before", "engine")
        for name, text in zip(names, (mine, base, theirs), strict=True):
            (Path(folder) / name).write_text(text, encoding="utf-8")
        done = subprocess.run(
            ["git", "merge-file", "-p", *names], cwd=folder, capture_output=True, text=True
        )
    return done.stdout, done.returncode == 0
