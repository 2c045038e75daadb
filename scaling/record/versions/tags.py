"""Git tags of published versions: ``forecast/VERSION`` on the commit that added the version.

A version is published before it can be committed, so it is tagged afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scaling.io.git import git
from scaling.record.versions.check import PLACES
from scaling.record.versions.ledger import LEDGER, MANIFEST, read_lines

TAG = "forecast/"


def added_by(root: Path, folder: Path) -> str | None:
    """The commit that added a version's folder; None when it is not committed."""
    path = (folder / MANIFEST).relative_to(root).as_posix()
    log = git(root, "log", "--diff-filter=A", "--format=%H", "-1", "--", path)
    return (log or b"").decode().strip() or None


def tag_versions(root: Path) -> Iterator[str]:
    """Tag every version that is committed and has no tag; says what was done, line by line."""
    had = tagged(root)
    for place in PLACES:
        ledger = root / place / LEDGER
        entries = read_lines(ledger.read_bytes())[0] if ledger.is_file() else []
        for entry in entries:
            if entry.version not in had:
                yield _tag(root, root / place / entry.version)


def tagged(root: Path) -> set[str]:
    """Versions that have a tag; asked for once, however many there are."""
    listed = (git(root, "tag", "--list", f"{TAG}*") or b"").decode().split()
    return {name.removeprefix(TAG) for name in listed}


def _tag(root: Path, folder: Path) -> str:
    name = TAG + folder.name
    commit = added_by(root, folder)
    if commit is None:
        return f"not tagged: {folder.name} is not committed; commit {folder}, then tag again"
    if git(root, "tag", name, commit) is None:
        return f"not tagged: Git refused the tag {name}"
    return f"tagged {name} at {commit[:12]}"
