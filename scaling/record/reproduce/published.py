"""What a published version states about itself: the only reader of manifests in this room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from scaling.record.changes.between import NAME as CHANGES
from scaling.record.versions.ledger import MANIFEST

SOURCES = ("engine", "laws")


class ReproduceError(RuntimeError):
    """A version cannot be reproduced; the message says why."""


@dataclass(frozen=True)
class Published:
    """One version as it was published: its folder, and what its manifest states."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest as it is written."""
        content: dict[str, Any] = json.loads((self.folder / MANIFEST).read_bytes())
        return content

    @property
    def name(self) -> str:
        """The version's id."""
        return self.folder.name

    @property
    def is_replay(self) -> bool:
        """Whether it forecasts from what was known on a past day."""
        return self.folder.parent.name == "history"

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Names of all files to compare: those of the manifest, and others in the folder.

        Raises ReproduceError for a name that leads out of the folder.
        """
        present = [path for path in self.folder.rglob("*") if not path.is_dir()]
        found = {path.relative_to(self.folder).as_posix() for path in present} - {MANIFEST}
        for name in self.manifest["files"]:
            if not _is_inside(name):
                raise ReproduceError(
                    f"{self.folder / MANIFEST}: `files` has {name!r}; allowed: a path inside the "
                    "version's folder, without `..`"
                )
        return tuple(dict.fromkeys([*self.manifest["files"], *sorted(found)]))

    @property
    def sources(self) -> dict[str, str]:
        """Hashes of the code that computed it and of the code that wrote what changed."""
        made_by = self.manifest["made_by"]
        found = {name: digest for part in SOURCES for name, digest in made_by[part].items()}
        path = self.folder / CHANGES
        # The version id does not depend on the code that wrote what changed.
        return found | (json.loads(path.read_bytes())["told_by"] if path.is_file() else {})

    @property
    def data(self) -> Mapping[str, str]:
        """Hashes of the validated tables."""
        found: dict[str, str] = self.manifest["made_by"]["data"]
        return found

    @property
    def requirements(self) -> str:
        """The hash of its lock file."""
        return str(self.manifest["made_by"]["requirements"])

    @property
    def params(self) -> str | None:
        """The hash of its choices; None for a replay, which has its own in history.yaml."""
        return None if self.is_replay else str(self.manifest["made_by"]["params"])


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name and path.as_posix() == name
    return plain and name != "." and not path.is_absolute() and ".." not in path.parts


def read_inside(folder: Path, name: str) -> bytes | None:
    """The content of a regular file of the folder; None where there is none.

    A link that leads out of the folder is no file of it: the code of a version could leave one that
    leads to the published file, or to a file of the person who compares.
    """
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    return path.read_bytes() if inside and path.is_file() else None
