"""The record against Git: what a manifest, the ledger and the tags say against commits.

Hashes alone show an accident: who rewrites a version rewrites its hashes too. Commits and tags are
a second voice. They are the publisher's own, so a history that was rewritten whole is caught only
by somebody who kept something of it: a clone, a checkpoint
(`scaling.record.versions.checkpoint`), a time stamp.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scaling.document.format import clean
from scaling.errors import counted
from scaling.io.git import git, objects, read_object
from scaling.io.hashing import canonical, sha256
from scaling.io.progress import steps
from scaling.record.versions.fingerprint import PACKAGES
from scaling.record.versions.ledger import LEDGER, MANIFEST, Entry, read_lines
from scaling.record.versions.sources import Commits
from scaling.record.versions.tables import recorded
from scaling.record.versions.tags import TAG, Tag, tags

PARAMS = "params.yaml"
KEPT = ("data/declared/", "data/published/", "data/thresholds/", "data/trends/")


@dataclass(frozen=True)
class Commit:
    """What a commit that a version names holds of the inputs."""

    code: Mapping[str, str]
    params: str
    packages: str


class Witness:
    """Commits and tags of the project's Git, each asked about once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._commits = Commits(root)

    @functools.cache  # noqa: B019 - one object a check
    def commit(self, name: str) -> Commit | None:
        """None where this clone does not have the commit."""
        code = self._commits.code_at(name)
        if code is None:
            return None
        params, packages = (self.file(name, one) for one in (PARAMS, PACKAGES))
        return Commit(code, sha256(_parsed(params)), sha256(packages))

    def file(self, commit: str, path: str) -> bytes:
        """A file of the project as a commit has it; empty where it has none."""
        return (read_object(self.root, f"{commit}:./{path}") or ("", b""))[1]


# libyaml's, where PyYAML was built with it, reads the same in a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.lru_cache(maxsize=64)  # most commits have the choices of the one before
def _parsed(params: bytes) -> bytes:
    try:
        return canonical(yaml.load(params, Loader=_LOADER))  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return b""


def problems(witness: Witness, place: Path, chain: list[Entry]) -> Iterator[str]:
    """What commits and tags say otherwise than the versions of one ledger."""
    for entry in steps(chain):
        version = place / entry.version
        shown = f"{version.relative_to(witness.root).as_posix()}/{MANIFEST}"
        yield from (f"{shown}: {one}" for one in _against_commit(witness, entry, recorded(version)))
    yield from _against_older_ledgers(witness.root, place, chain)


def _against_commit(witness: Witness, entry: Entry, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Whether the commit that a version names has the inputs that made it."""
    commit = None if entry.revision is None else witness.commit(entry.revision)
    if commit is None:
        return
    name = f"the commit {str(entry.revision)[:12]} that it names"
    made_by = manifest.get("made_by", {})
    if not entry.dirty and "code" in made_by:
        yield from (f"made {one} than {name} has" for one in _other(commit, made_by))
        kept = {path: digest for path, digest in made_by.get("data", {}).items() if _is_kept(path)}
        for path, digest in kept.items():
            if sha256(witness.file(str(entry.revision), path)) != digest:
                yield f"made with another {clean(path)} than {name} has"


def _other(commit: Commit, made_by: Mapping[str, Any]) -> Iterator[str]:
    """Code, packages and choices that are not the commit's; a replay has its choices elsewhere."""
    code = made_by["code"]
    folders = sorted({*code, *commit.code})
    other = [folder for folder in folders if code.get(folder) != commit.code.get(folder)]
    if other:
        yield f"by other code ({clean(', '.join(other))})"
    if made_by.get("packages") != commit.packages:
        yield f"with other packages ({PACKAGES})"
    if "as_of" not in made_by and made_by.get("params") != commit.params:
        yield f"by other choices ({PARAMS})"


def _is_kept(path: str) -> bool:
    """Whether Git keeps an input as it came, unlike what stages make of it."""
    return path.startswith(KEPT) and path.isprintable()


# Earlier ledgers ---------------------------------------------------------------------------------


def _against_older_ledgers(root: Path, place: Path, chain: list[Entry]) -> Iterator[str]:
    """A ledger only grows, so each that was committed is the beginning of the present one.

    Only the line of first parents counts: of two people who published at once, one publishes again.
    A ledger that was emptied in a commit is begun anew there, which `notes` says.
    """
    lines = [entry.line() for entry in chain]
    for commit, content in _older_ledgers(root, place):
        if not content:
            return
        had = content.splitlines(keepends=True)
        if lines[: len(had)] != had:
            first = next(n for n, line in enumerate(had) if lines[n : n + 1] != [line])
            yield (
                f"{(place / LEDGER).relative_to(root).as_posix()}: line {first + 1} was another "
                f"in the commit {commit[:12]}: {_version(had[first])}"
            )
            return


def notes(root: Path, place: Path) -> Iterator[str]:
    """What a reader of the record should know, and no fault of what is there."""
    emptied = None
    for commit, content in _older_ledgers(root, place):
        if emptied is not None and content:
            entries, _ = read_lines(content)
            yield (
                f"{(place / LEDGER).relative_to(root).as_posix()}: begun anew in the commit "
                f"{emptied[:12]}; {counted(len(entries), 'version')} before it are not in it"
            )
            return
        emptied = None if content else commit


def _older_ledgers(root: Path, place: Path) -> Iterator[tuple[str, bytes]]:
    """(commit, content) of the ledger as it was committed, the newest first."""
    path = (place / LEDGER).relative_to(root).as_posix()
    listed = git(root, "log", "--first-parent", "--format=%H", "--", path) or b""
    commits = listed.decode().split()
    found = objects(root, [f"{commit}:./{path}" for commit in commits])
    for commit in commits:
        yield commit, found.get(f"{commit}:./{path}", ("", b""))[1]


def _version(line: bytes) -> str:
    try:
        return f"version {clean(json.loads(line)['version'])}"
    except (ValueError, KeyError, TypeError):
        return "a line that cannot be read"


# Tags --------------------------------------------------------------------------------------------


def tag_problems(root: Path, known: Mapping[str, tuple[Path, Entry]]) -> Iterator[str]:
    """What the tags of versions say otherwise than the ledgers; ``known`` has every version."""
    found = tags(root)
    manifests = _tagged_manifests(root, found, known)
    for tag in found:
        shown = f"tag {TAG}{clean(tag.version)}"
        if tag.version not in known:
            yield f"{shown}: no ledger has this version"
            continue
        _, entry = known[tag.version]
        if tag.line is not None and tag.line != entry.digest():
            yield f"{shown}: was made of another line of the ledger"
        if manifests.get(tag.version) != entry.manifest_sha256:
            yield f"{shown}: its commit has another manifest of the version, or none"
        if tag.signed and tag.is_forged(root):
            yield f"{shown}: its signature is not that of its content"


def _tagged_manifests(
    root: Path, found: list[Tag], known: Mapping[str, tuple[Path, Entry]]
) -> dict[str, str]:
    """Version -> hash of its manifest in the commit that is tagged."""
    files = {
        f"{TAG}{name}:./{known[name][0].relative_to(root).as_posix()}/{name}/{MANIFEST}": name
        for name in (one.version for one in found)
        if name in known
    }
    there = objects(root, files)
    return {files[file]: sha256(content) for file, (_, content) in there.items()}
