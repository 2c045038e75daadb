"""Releases: a person lets a quarantined row pass named checks, with a reason, for good.

`data/releases/log.jsonl` holds one line a release, in Git and never edited. Each line names the
row by the hash of its content, the checks that it may break, why, who says so and when, and holds
the hash of the line before: a line that is changed, moved or lost breaks the chain, and nothing is
validated until it is whole again. The release covers this content only: a row that changes
afterwards is judged anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scaling.errors import InputError
from scaling.io import atomic
from scaling.io.hashing import canonical, sha256
from scaling.runs.schema import RUN

RELEASES = Path("data/releases/log.jsonl")
# When and in which file a row came says nothing of its content.
_CAME = ("recorded", "payload")
_CELLS = (*(column.name for column in RUN if column.name not in _CAME), "unparsed")

# Labels of the checks that a row may break, by the row's id.
Released = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Release:
    """One line. ``row`` is the whole hash of the row's content; ``source`` and ``place`` say where
    it stood when it was released, for people; ``identity`` is the Git identity of who wrote it."""

    row: str
    source: str
    place: str
    checks: tuple[str, ...]
    reason: str
    by: str
    identity: str | None
    at: str
    previous: str | None

    def line(self) -> bytes:
        """The line as it stands in the file, with its end."""
        return canonical(asdict(self)) + b"\n"

    def digest(self) -> str:
        """What the next line holds as ``previous``."""
        return sha256(self.line())


def row_id(row: Mapping[str, Any]) -> str:
    """The hash of a row's filled cells; where the row stands does not count.

    ``row`` has the run columns and ``unparsed``. Two copies of a row have one id.
    """
    return sha256(canonical({name: row[name] for name in _CELLS if row.get(name) is not None}))


def read(path: Path = RELEASES) -> list[Release]:
    """All releases in order; none where there is no file.

    Raises:
        InputError: a line that cannot be read, is not as it was written, or does not continue
            from the line before it.
    """
    if not path.exists():
        return []
    found: list[Release] = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        release = _read_line(line)
        previous = found[-1].digest() if found else None
        if release is None or release.line() != line or release.previous != previous:
            hint = "Releases are only ever added. Restore the file from Git: git log -p " + str(
                path
            )
            raise InputError(
                "the chain of releases is broken",
                file=path,
                row=number,
                value=line.decode(errors="replace").strip(),
                allowed="the line as it was written, after the line that it was written after",
                hint=hint,
            )
        found.append(release)
    return found


def _read_line(line: bytes) -> Release | None:
    try:
        given = json.loads(line)
        return Release(**{**given, "checks": tuple(given["checks"])})
    except (ValueError, TypeError, KeyError):
        return None


def appended(path: Path, new: Iterable[Release]) -> list[Release]:
    """Add releases to the file, each chained to the line before it; returns them as written.

    The file is written whole beside the old one and renamed, so a kill leaves one or the other.

    Raises:
        InputError: the chain is broken.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.locked(path.parent):
        chain = read(path)
        before = len(chain)
        for release in new:
            chain.append(replace(release, previous=chain[-1].digest() if chain else None))
        content = b"".join(release.line() for release in chain)
        atomic.write(path, content)
    return chain[before:]


def released(releases: Iterable[Release]) -> dict[str, frozenset[str]]:
    """The checks that each row may break, by the row's id."""
    found: dict[str, frozenset[str]] = {}
    for release in releases:
        found[release.row] = found.get(release.row, frozenset()) | set(release.checks)
    return found
