"""Whether the record holds: its bytes, its dates, and what Git's commits and tags say of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scaling.errors import counted
from scaling.record.versions import against_git, dates
from scaling.record.versions.check import damage
from scaling.record.versions.ledger import FIRST_LENGTH, LEDGER, PLACES, Entry, read_lines, short


def verify(root: Path) -> list[str]:
    """What is wrong with the published versions and their ledgers; an empty list when nothing.

    Reads every byte that was published.
    """
    witness = against_git.Witness(root)
    found = damage(root)
    found += dates.problems(root)
    chains = list(_chains(root))
    for place, chain in chains:
        found += against_git.problems(witness, place, chain)
    found += _alike([entry.version for _, chain in chains for entry in chain])
    known = {entry.version: (place, entry) for place, chain in chains for entry in chain}
    return found + list(against_git.tag_problems(root, known))


def _alike(versions: list[str]) -> Iterator[str]:
    """Versions whose short ids are the same."""
    seen: dict[str, str] = {}
    for version in versions:
        twin = seen.setdefault(short(version), version)
        if twin != version:
            yield f"versions {twin} and {version} begin with the same digits"


def notes(root: Path) -> list[str]:
    """What a reader of the record should know, and no fault of what is there."""
    chains = list(_chains(root))
    found = [note for place, _ in chains for note in against_git.notes(root, place)]
    old = sum(len(entry.version) == FIRST_LENGTH for _, chain in chains for entry in chain)
    if old:
        found.append(
            f"{counted(old, 'version')} of the first form: their ids are the first 48 bits of a "
            "hash, and bind neither the command line nor dvc.yaml"
        )
    return found


def _chains(root: Path) -> Iterator[tuple[Path, list[Entry]]]:
    """The good lines of each ledger; what is wrong with the rest is damage."""
    for place in PLACES:
        file = root / place / LEDGER
        if file.is_file():
            yield root / place, read_lines(file.read_bytes())[0]
