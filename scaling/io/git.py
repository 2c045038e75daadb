"""Questions to Git."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path


def git(folder: Path, *arguments: str) -> bytes | None:
    """What git answers, or None when it cannot (no git, no repository, no such object)."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def committed(folder: Path, commit: str) -> datetime | None:
    """When a commit was made; None for one that this clone does not have."""
    said = git(folder, "show", "-s", "--format=%ct", commit)
    return None if not said else datetime.fromtimestamp(int(said.split()[-1]), UTC)


def blobs(folder: Path, names: Sequence[str]) -> Iterator[bytes | None]:
    """The content of each object, by any name that Git knows; None for one that it has not.

    One process answers for all of them. A name is on one line.
    """
    if not names:
        return
    asked = "".join(f"{name}\n" for name in names).encode(errors="surrogateescape")
    command = ["git", "-C", str(folder), "cat-file", "--batch"]
    answer = subprocess.run(command, input=asked, capture_output=True).stdout
    start = 0
    for _ in names:
        end = answer.find(b"\n", start)
        facts = answer[start:end].split()
        if end < 0 or len(facts) != 3 or not facts[2].isdigit():
            yield None
            start = end + 1 if end >= 0 else len(answer)
            continue
        size = int(facts[2])
        yield answer[end + 1 : end + 1 + size] if facts[1] == b"blob" else None
        start = end + 2 + size
