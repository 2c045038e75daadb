"""Prune the tree: of versions that are not among the newest, it holds what proves them.

`scaling.toml` says how many versions stay whole (`scaling.io.settings`). Of older ones the tree
keeps the files in `scaling.record.versions.files.KEPT`; the others are in the commit on which the
version's tag stands, and `scaling.record.versions.files.read` takes them from there. No file is
removed unless that commit has the same bytes. Files go one by one, and each state between is one
from which reading and pruning go on.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaling.errors import counted
from scaling.io import settings
from scaling.io.git import read_object
from scaling.record.versions.files import KEPT, listed
from scaling.record.versions.ledger import Entry, short
from scaling.record.versions.tags import TAG, tagged

NO_TAG = "no tag; commit them, and `scaling publish --tag` tags what Git has"
OTHER = "the commit of their tag does not have the same files"


@dataclass(frozen=True)
class Pruned:
    """What the tree holds no longer.

    - ``whole``: how many of the newest versions stay whole
    - ``versions``: older ones of which files were removed now
    - ``kept``: (version, reason) of older ones that stay whole
    """

    whole: int = 0
    versions: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def sentences(self) -> Iterator[str]:
        """What a person should know, a line each."""
        if self.versions:
            yield (
                f"{counted(len(self.versions), 'version')} older than the newest {self.whole} "
                f"(whole_versions in {settings.FILE}): reports and fits are now "
                f"in Git alone, at the tags {TAG}*. "
                "Commit reports/ with these removals"
            )
        for reason, count in Counter(reason for _, reason in self.kept).items():
            first = next(short(version) for version, why in self.kept if why == reason)
            yield f"{counted(count, 'older version')} kept whole (first {first}): {reason}"


NOTHING_PRUNED = Pruned()


def prune(root: Path, reports: Path, chain: Sequence[Entry]) -> Pruned:
    """Remove what Git has of the versions in ``chain`` that are not among the newest.

    Raises:
        InputError: the setting is no number of versions.
    """
    whole = settings.read(root).whole_versions
    older = {entry.version: _more(reports / entry.version) for entry in chain[:-whole]}
    older = {version: names for version, names in older.items() if names}
    if not older:
        return Pruned(whole)
    had, removed, kept = tagged(root), [], []
    for version, names in older.items():
        folder = reports / version
        if version not in had:
            kept.append((version, NO_TAG))
        elif not all(_is_in_tag(folder, name) for name in [*names, *_proofs(folder)]):
            kept.append((version, OTHER))
        else:
            _remove(folder, names)
            removed.append(version)
    return Pruned(whole, tuple(removed), tuple(kept))


def _more(folder: Path) -> list[str]:
    """Files of the version that the tree holds beyond what it keeps."""
    with contextlib.suppress(OSError):
        if all(path.name in KEPT for path in folder.iterdir()):
            return []
    return sorted(name for name in listed(folder) - KEPT if (folder / name).is_file())


def _proofs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name in KEPT)


def _is_in_tag(folder: Path, name: str) -> bool:
    """Whether the commit of the version's tag has the file as the tree has it."""
    tag = f"refs/tags/{TAG}{folder.name}"
    found = read_object(folder.parent, f"{tag}:./{folder.name}/{name}")
    return found is not None and found[1] == (folder / name).read_bytes()


def _remove(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        (folder / name).unlink()
    for inside in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):  # not empty: what is no file of the version stays
            inside.rmdir()
