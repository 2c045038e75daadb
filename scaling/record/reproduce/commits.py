"""The commit of a published version: of those that Git has, the one nearest to its manifest."""

from __future__ import annotations

from pathlib import Path

import yaml

from scaling.io.git import git
from scaling.io.hashing import canonical, sha256
from scaling.record.reproduce.published import Published, ReproduceError
from scaling.record.versions.sources import Commits
from scaling.record.versions.tags import TAG, added_by

PARAMS = "params.yaml"
LOCK = "requirements.lock"


def commit_of(root: Path, folder: Path) -> str:
    """The commit whose sources are nearest to those of the version in ``folder``."""
    version = Published(folder)
    revision = version.revision
    # The commit that added it also has the data that came in before: first where sources are equal.
    named = [f"{TAG}{folder.name}", added_by(root, folder), revision]
    commits = [_commit(root, name) for name in named if name]
    known = list(dict.fromkeys(commit for commit in commits if commit))
    if not known:
        raise ReproduceError(
            f"Git has neither its tag, nor its revision {revision}, nor "
            "a commit that added it; commit it, or fetch the whole history"
        )
    return min(known, key=lambda commit: len(_other_sources(root, commit, version)))


def _commit(root: Path, name: str) -> str | None:
    found = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.decode().strip() if found else None


def _other_sources(root: Path, commit: str, version: Published) -> list[str]:
    """Source files and choices of the version that are not the same at the commit."""
    wanted = version.sources | {LOCK: version.requirements}
    there = {name: git(root, "show", f"{commit}:./{name}") for name in wanted}
    other = [name for name, content in there.items() if sha256(content or b"") != wanted[name]]
    if version.code:
        has = Commits(root).code_at(commit) or {}
        folders = {*version.code, *has}
        other += [name for name in folders if version.code.get(name) != has.get(name)]
    chosen = git(root, "show", f"{commit}:./{PARAMS}")
    return other + ([PARAMS] if has_other_choices(version, chosen) else [])


def has_other_choices(version: Published, params: bytes | None) -> bool:
    """Whether these are not the choices of the version; a replay has its own, in its plan."""
    chosen = sha256(canonical(yaml.safe_load(params or b"")))
    return version.params is not None and version.params != chosen
