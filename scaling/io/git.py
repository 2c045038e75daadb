"""Questions to Git."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
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


def objects(folder: Path, names: Iterable[str]) -> dict[str, tuple[str, bytes]]:
    """Name -> id and content of each object that Git has, asked for in one process.

    A name is what ``git rev-parse`` takes, without line breaks; those that Git lacks are left out.
    """
    asked = list(dict.fromkeys(names))
    text = "".join(f"{name}\n" for name in asked).encode()
    command = ["git", "-C", str(folder), "cat-file", "--batch"]
    try:
        answer = subprocess.run(command, input=text, capture_output=True).stdout
    except FileNotFoundError:
        return {}
    found, at = {}, 0
    for name in asked:
        end = answer.find(b"\n", at)
        head = answer[at:end].decode(errors="replace").split(" ")
        at = end + 1
        if end < 0 or len(head) < 3 or not head[-1].isdigit():  # "NAME missing"
            continue
        found[name] = head[0], answer[at : at + int(head[-1])]
        at += int(head[-1]) + 1
    return found
