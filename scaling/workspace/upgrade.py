"""Move a workspace to the engine that is installed."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from scaling.errors import InputError
from scaling.extras import DISTRIBUTION, need
from scaling.io import atomic, settings
from scaling.io.git import git
from scaling.io.hashing import sha256
from scaling.record.reproduce.packages import not_as_locked
from scaling.record.versions import engine_file
from scaling.workspace import engine, files
from scaling.workspace.wheel import keep

CONFLICT = "was edited here and changed by the engine, in the same lines"


@dataclass
class Upgraded:
    """What became of a workspace.

    Attributes:
        before, after: version and hash of the engines.
        stale: stages that run again at the next refit.
        written: managed files that were written, and how.
        conflicts: files that were left as they are, with where the merge is.
        remarks: about the wheel that DVC keeps, and installed packages.
    """

    before: tuple[str, str]
    after: tuple[str, str]
    stale: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, Path] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def upgrade(root: Path, wheel: Path | None = None, *, schedule: bool = False) -> Upgraded:
    """Name the installed engine, and write the managed files of the workspace as it has them.

    ``wheel`` is that of the installed engine, for DVC to keep; without it, it is sought. With
    ``schedule`` the flows and their schedule are among the files from now on. A file
    that was edited is merged: with what the last engine wrote, as Git has it, for a base.
    ``engine.yaml`` is written last, and only without a conflict, so the same command goes on.

    Raises:
        InputError: this is no workspace of one's own, its settings do not allow this engine, or
            the wheel is another's.
    """
    need("pipeline")
    old, new = engine_file.read(root), engine.present()
    check_allowed(root, new["version"])
    made = Upgraded((old.version, old.code[:12]), (new["version"], new["code"][:12]))
    made.stale = [name for name, digest in new["stages"].items() if old.stages.get(name) != digest]
    managed = files.managed(schedule=schedule or files.SCHEDULE[-1] in old.managed)
    for name, text in managed.items():
        # A flow that a team removed stays removed.
        if name not in files.SCHEDULE or name not in old.managed or (root / name).is_file():
            _bring(root, name, text, old.managed.get(name), made)
    if not made.conflicts:
        kept, remark = keep(root, wheel)
        engine.write(root, managed, kept)
        made.remarks = [remark, *not_as_locked(root / files.LOCK)]
    return made


def check_allowed(root: Path, version: str) -> None:
    """Refuse a version of the engine that ``scaling.toml`` does not allow.

    Raises:
        InputError: it does not, or says so in a way that is no range.
    """
    allowed = settings.read(root).engine
    try:
        if SpecifierSet(allowed).contains(version, prereleases=True):
            return
    except InvalidSpecifier as error:
        raise InputError(
            "is no range of versions", file=root / settings.FILE, column="engine", value=allowed,
            allowed='as pip has them: ">=0.2,<1"',
        ) from error  # fmt: skip
    raise InputError(
        "the workspace does not allow this engine", file=root / settings.FILE, column="engine",
        value=version, allowed=allowed,
    )  # fmt: skip


def version_of(engine: str) -> str:
    """The version of an engine that is named by its version or its wheel.

    Raises:
        InputError: it is neither.
    """
    path = Path(engine)
    try:
        if path.suffix != ".whl":
            return str(Version(engine))
        name, version, *_ = parse_wheel_filename(path.name)
    except (InvalidVersion, InvalidWheelFilename) as error:
        allowed = "a version, as 0.2.0, or a wheel, as scaling_forecast-0.2.0-py3-none-any.whl"
        raise InputError("no engine", value=engine, allowed=allowed) from error
    if name != DISTRIBUTION or not path.is_file():
        raise InputError("no such wheel", file=path, allowed=f"a file of {DISTRIBUTION}")
    return str(version)


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
