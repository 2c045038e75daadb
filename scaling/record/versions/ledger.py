"""The ledger of published versions: one line a version, each holding the hash of the line before.

Everything in a line stands in that version's manifest too, so a lost ledger is rebuilt from
the manifests, and a lost manifest is recognised by the hash in the ledger.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scaling.io.hashing import canonical, sha256

# Where versions stand: the replayed history has a chain of its own.
PLACES = ("reports/history", "reports")
LEDGER = "ledger.jsonl"
MANIFEST = "manifest.json"
# The form of manifests; the first, which has no number, had ids of twelve digits.
FORMAT = 2
FIRST_LENGTH = 12
VERSION_NAME = re.compile(rf"[0-9a-f]{{{FIRST_LENGTH}}}|[0-9a-f]{{64}}")
FACTS = ("issued_at", "revision", "dirty", "python", "previous")
# Facts that a version may lack; a line of the ledger then lacks them too.
MORE_FACTS = ("as_of", "corrects", "reason", "machine")
# Ledgers whose parsed lines are kept; a process that reads more of them begins anew.
KEPT = 8


class PublishError(RuntimeError):
    """Publishing or checking cannot go on; the message says why and what a person can do."""


@dataclass(frozen=True)
class Entry:
    """One line of the ledger: what no one could work out again from the files of a version."""

    version: str
    issued_at: str
    revision: str | None
    dirty: bool | None
    python: str
    manifest_sha256: str
    previous: str | None
    as_of: str | None = None
    corrects: str | None = None
    reason: str | None = None
    machine: str | None = None

    def line(self) -> bytes:
        """The line as it stands in the ledger, with its end."""
        facts = self.facts() | {"version": self.version, "manifest_sha256": self.manifest_sha256}
        return canonical(facts) + b"\n"

    def digest(self) -> str:
        """What the next line holds as ``previous``."""
        return self._digest

    @functools.cached_property
    def _digest(self) -> str:
        return sha256(self.line())

    def facts(self) -> dict[str, str | bool | None]:
        """The part that stands in the manifest as it is."""
        more = {name: getattr(self, name) for name in MORE_FACTS}
        given = {name: value for name, value in more.items() if value is not None}
        return {name: getattr(self, name) for name in FACTS} | given


def version_of(made_by: Mapping[str, Any]) -> str:
    """The version id: the hash of what made the version, of the first form its first digits."""
    digest = sha256(canonical(made_by))
    return digest if "format" in made_by else digest[:FIRST_LENGTH]


def short(version: str) -> str:
    """A version's id for the eye: no two versions of a record begin with the same digits."""
    return version[:FIRST_LENGTH]


def entry_of(manifest: bytes) -> Entry:
    """The ledger line that belongs to a manifest.

    Raises PublishError when the manifest is not whole or its id is not the hash of its content.
    """
    try:
        content = json.loads(manifest)
        if content["version"] != version_of(content["made_by"]):
            raise PublishError("the version id is not the hash of what made the version")
        facts = {name: content[name] for name in FACTS}
        facts |= {name: content[name] for name in MORE_FACTS if name in content}
    except (ValueError, KeyError, TypeError) as error:
        raise PublishError(f"not a whole manifest ({error!r})") from error
    return Entry(content["version"], manifest_sha256=sha256(manifest), **facts)


# First line of a ledger -> all of it when it was read last, and its entries.
_read: dict[bytes, tuple[bytes, list[Entry]]] = {}


def read_lines(content: bytes) -> tuple[list[Entry], str | None]:
    """The entries up to the first bad line, and what is wrong there (None: all is well).

    Lines that this process has read before are not parsed again where every byte up to their end
    is the same: what a longer ledger costs is what is new in it.
    """
    first = content[: content.find(b"\n") + 1]
    known, entries = _read.get(first, (b"", []))
    if content and content.endswith(b"\n") and known.startswith(content):
        return entries[: content.count(b"\n")], None
    if not content.startswith(known):
        known, entries = b"", []
    entries, wrong = _continued(entries, content[len(known) :])
    if wrong is None and entries:
        if len(_read) >= KEPT:
            _read.clear()
        _read[first] = content, entries[:]
    return entries, wrong


def _continued(before: list[Entry], content: bytes) -> tuple[list[Entry], str | None]:
    """As `read_lines`, of the lines that follow those that were read before."""
    entries = before[:]
    for number, line in enumerate(content.splitlines(keepends=True), len(before) + 1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            return entries, f"line {number} cannot be read"
        if entry.line() != line:
            return entries, f"line {number} is not as it was written"
        if entry.previous != (entries[-1].digest() if entries else None):
            return entries, f"line {number} does not continue from the line before it"
        entries.append(entry)
    return entries, None


def follow(chain: list[Entry], loose: Iterable[Entry]) -> list[Entry]:
    """Continue the chain with those loose entries that follow from its end, one after another.

    Raises PublishError when two entries continue from the same line.
    """
    waiting: dict[str | None, Entry] = {}
    for entry in loose:
        twin = waiting.setdefault(entry.previous, entry)
        if twin != entry:
            raise PublishError(
                f"versions {twin.version} and {entry.version} both continue from the same line of "
                "the ledger, as after two publications on two branches. Remove the folder of one "
                "and publish it again"
            )
    longer = list(chain)
    while (found := waiting.pop(longer[-1].digest() if longer else None, None)) is not None:
        longer.append(found)
    return longer
