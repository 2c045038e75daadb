"""What a published version states about itself: the only reader of manifests in this room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scaling.record.changes.between import NAME as CHANGES
from scaling.record.versions.files import has, is_inside, names, read
from scaling.record.versions.ledger import MANIFEST
from scaling.record.versions.tables import manifest

SOURCES = ("engine", "laws")


class ReproduceError(RuntimeError):
    """A version cannot be reproduced; the message says why."""


@dataclass(frozen=True)
class Published:
    """One version as it was published: its folder, and what its manifest states."""

    folder: Path

    @cached_property
    def _manifest(self) -> Any:
        try:
            return manifest(self.folder)
        except ValueError as error:
            raise ReproduceError(f"{self.folder}/{MANIFEST}: is no JSON: {error}") from error

    def _stated(self, *keys: str) -> Any:
        """A value of the manifest; raises ReproduceError where it is not there."""
        value = self._manifest
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                raise ReproduceError(f"{self.folder}/{MANIFEST}: has no `{'.'.join(keys)}`")
            value = value[key]
        return value

    @property
    def name(self) -> str:
        """The version's id."""
        return self.folder.name

    @property
    def is_replay(self) -> bool:
        """Whether it forecasts from what was known on a past day."""
        return self.folder.parent.name == "history"

    @cached_property
    def named(self) -> tuple[str, ...]:
        """The files that the manifest names; raises ReproduceError for a name that leads out of the
        folder."""
        for name in (listed := self._stated("files")):
            if not (is_inside(name) and name.isprintable()):
                raise ReproduceError(
                    f"{self.folder}/{MANIFEST}: `files` has {name!r}; allowed: a path inside the "
                    "version's folder, without `..`"
                )
        return tuple(listed)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """All files to compare: those that the manifest names, and others in the folder."""
        found = [name for name in names(self.folder) if name != MANIFEST]
        return tuple(dict.fromkeys([*self.named, *found]))

    def content(self, name: str) -> bytes | None:
        """The content of a file of the version, from the tree or from Git; None where it is lost,
        or leads out of the folder."""
        if (self.folder / name).exists():
            return read_inside(self.folder, name)
        return read(self.folder, name) if has(self.folder, name) else None

    @property
    def code(self) -> Mapping[str, str]:
        """Folder -> hash of all code; empty in manifests of the first form."""
        found: dict[str, str] = self._stated("made_by").get("code", {})
        return found

    @property
    def sources(self) -> dict[str, str]:
        """Hashes of the code that computed it and of the code that wrote what changed, in
        manifests of the first form; later ones have `code`."""
        if self.code:
            return {}
        parts = [self._stated("made_by", part) for part in SOURCES]
        # The version id does not depend on the code that wrote what changed.
        written = json.loads(self.content(CHANGES) or b"{}")
        changed_by = written.get("told_by", {})
        return {name: digest for part in (*parts, changed_by) for name, digest in part.items()}

    @property
    def data(self) -> Mapping[str, str]:
        """Hashes of the validated tables."""
        found: dict[str, str] = self._stated("made_by", "data")
        return found

    @property
    def requirements(self) -> str:
        """The hash of its lock file."""
        return str(self._stated("made_by", "packages" if self.code else "requirements"))

    @property
    def params(self) -> str | None:
        """The hash of its choices; None for a replay, which has its own in history.yaml."""
        return None if self.is_replay else str(self._stated("made_by", "params"))

    @property
    def revision(self) -> str | None:
        """The commit that was checked out at the issue; None outside Git."""
        found: str | None = self._stated("revision")
        return found

    @property
    def is_dirty(self) -> bool:
        """Whether it was published from files that were not committed."""
        return bool(self._stated("dirty"))

    @property
    def python(self) -> str:
        """The version of Python, as 3.11.7."""
        return str(self._stated("python"))

    @property
    def machine(self) -> str | None:
        """The kind of processor; None where it was not recorded."""
        found: str | None = self._manifest.get("machine")
        return found

    @property
    def issued_at(self) -> str:
        """The moment of issue, ISO 8601."""
        return str(self._stated("issued_at"))

    @property
    def day(self) -> str:
        """The as-of day of a replay."""
        return str(self._stated("as_of"))

    def inbox(self, before: str) -> str:
        """The text of the inbox at the issue, empty without one; ``before`` where manifests did not
        keep it yet."""
        return (self._manifest["inbox"] or "") if "inbox" in self._manifest else before


def read_inside(folder: Path, name: str) -> bytes | None:
    """The content of a regular file of the folder; None where there is none.

    A link that leads out of the folder is no file of it: the code of a version could leave one that
    leads to the published file, or to a file of the person who compares.
    """
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    return path.read_bytes() if inside and path.is_file() else None
