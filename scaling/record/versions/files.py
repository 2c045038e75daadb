"""The files of published versions: the one reader, of the tree or else of Git.

The tree holds the newest versions whole and of older ones `KEPT`; their other files are in the
commit on which the version's tag stands (`scaling.record.versions.prune`). Everything that reads a
file of a version asks here, so that where a file stands makes no difference.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from scaling.errors import InputError
from scaling.io.git import git, read_object
from scaling.io.json_files import as_map
from scaling.record.versions.ledger import MANIFEST, short
from scaling.record.versions.tags import TAG, additions

FORECAST, BASELINES = "forecast.csv", "baselines.csv"
PAGE = "report.html"
# What the tree holds of every version: what proves it, and what scores it.
KEPT = frozenset({MANIFEST, FORECAST, BASELINES})
FETCH = "Run `git fetch --tags"


class NotHereError(InputError):
    """A file of a version is in Git alone, and this clone does not have its commit."""


def read(version: Path, name: str) -> bytes:
    """The content of one file of the version in the folder ``version``.

    Raises:
        FileNotFoundError: the version has no such file, or has lost it.
        NotHereError: it is in Git alone, and not in this clone.
    """
    path = version / name
    if path.is_file():
        return path.read_bytes()
    if name not in listed(version):
        raise FileNotFoundError(f"{path}: is no file of the version")
    content = in_git(version, name)
    if content is None and is_pruned(version):
        reason, hint = why_not(version)
        raise NotHereError(f"is in Git alone, and {reason}", file=path, hint=hint)
    if content is None:
        raise FileNotFoundError(f"{path}: is missing")
    return content


def has(version: Path, name: str) -> bool:
    """Whether the version has such a file, in the tree or by its manifest."""
    return (version / name).is_file() or name in listed(version)


def names(version: Path, pattern: str = "") -> list[str]:
    """Names of the version's files in the tree and by its manifest, sorted.

    ``pattern``, as fits/*.json, chooses by folder and name.
    """
    paths = version.glob(pattern) if pattern else version.rglob("*")
    there = {path.relative_to(version).as_posix() for path in paths if not path.is_dir()}
    more = (one for one in listed(version) if not pattern or _is_like(one, pattern))
    return sorted({*there, *more})


def _is_like(name: str, pattern: str) -> bool:
    return PurePosixPath(name).match(pattern) and name.count("/") == pattern.count("/")


def listed(version: Path) -> frozenset[str]:
    """The files that the version's manifest names; none where it cannot be read."""
    path = version / MANIFEST
    return _listed(path.read_bytes()) if path.is_file() else frozenset()


@functools.lru_cache(maxsize=8)
def _listed(manifest: bytes) -> frozenset[str]:
    try:
        found: Mapping[str, Any] = as_map(as_map(json.loads(manifest)).get("files"))
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(name for name in found if is_inside(name))


def is_inside(name: str) -> bool:
    """Whether a file's name in a manifest stays within the version's folder."""
    path = PurePosixPath(name)
    plain = name == path.as_posix() and "\\" not in name and "\0" not in name
    return plain and not path.is_absolute() and ".." not in path.parts and name not in ("", ".")


def is_pruned(version: Path) -> bool:
    """Whether the tree holds nothing of the version but what it holds of old ones."""
    more = listed(version) - KEPT
    return bool(more) and not any((version / name).is_file() for name in more)


def page_in_tree(version: Path) -> Path | None:
    """The file of the version's page; None where the tree does not have it."""
    path = version / PAGE
    return path if path.is_file() else None


def place_of_page(version: Path) -> str:
    """Where a reader finds the version's page, in words."""
    if page_in_tree(version) or not has(version, PAGE):
        return str(version / PAGE)
    name = short(version.name)
    return f"in Git, tag {TAG}{version.name}; `scaling show {name} --open` opens it"


def in_git(version: Path, name: str) -> bytes | None:
    """The file as the version's tag has it, else as the commit that added the version has it."""
    place, path = version.parent, f"./{version.name}/{name}"
    found = read_object(place, f"refs/tags/{TAG}{version.name}:{path}")
    if found is None and (commit := _added(place).get(version.name)):
        found = read_object(place, f"{commit}:{path}")
    return None if found is None else found[1]


def _added(place: Path) -> Mapping[str, str]:
    """Version -> the commit that added it."""
    head = read_object(place, "HEAD")
    return {} if head is None else _added_by(place, head[0])


@functools.lru_cache(maxsize=4)
def _added_by(place: Path, head: str) -> Mapping[str, str]:
    return additions(place)


def why_not(version: Path) -> tuple[str, str]:
    """Why Git cannot give the files of a version, and what helps."""
    if git(version.parent, "rev-parse", "--git-dir") is None:
        return "this folder is in no Git", "Clone the project with Git."
    shallow = git(version.parent, "rev-parse", "--is-shallow-repository") or b""
    if shallow.strip() == b"true":
        return "this clone is shallow: older commits are not here", f"{FETCH} --unshallow`."
    return f"this clone has neither the tag {TAG}{version.name} nor its commit", f"{FETCH}`."
