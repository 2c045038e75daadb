"""Git tags of published versions: ``forecast/VERSION`` on the commit that added the version.

A version is published before it can be committed, so it is tagged afterwards.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scaling.document.format import clean
from scaling.io.git import git
from scaling.record.versions.ledger import LEDGER, MANIFEST, PLACES, Entry, read_lines

TAG = "forecast/"
# In a tag's message: the hash of the version's line of the ledger.
LINE = re.compile(r"^ledger line ([0-9a-f]{64})$", re.MULTILINE)
# What Git's helpers say of a signature that does not belong to the content, unlike of a key that
# they do not know. Of GnuPG: `--raw` and doc/DETAILS; of OpenSSH: ssh-keygen(1).
FORGED = ("BADSIG", "incorrect signature", "Signature verification failed")


@dataclass(frozen=True)
class Tag:
    """A version's tag; ``line`` is the ledger line that it was made of, if it says that."""

    version: str
    line: str | None
    signed: bool

    def is_forged(self, root: Path) -> bool:
        """Whether its signature is of another content, as far as the machine has what it takes."""
        asked = ["git", "-C", str(root), "verify-tag", "--raw", TAG + self.version]
        done = subprocess.run(asked, capture_output=True, text=True)
        return done.returncode != 0 and any(word in done.stderr + done.stdout for word in FORGED)


def added_by(root: Path, folder: Path) -> str | None:
    """The commit that added a version's folder; None when it is not committed."""
    path = (folder / MANIFEST).relative_to(root).as_posix()
    log = git(root, "log", "--diff-filter=A", "--format=%H", "-1", "--", path)
    return (log or b"").decode().strip() or None


def additions(place: Path) -> dict[str, str]:
    """Version -> the commit that added its manifest, of every version in the folder ``place``."""
    log = ("log", "--diff-filter=A", "--name-only", "--relative", "--format=%x00%H")
    listed = (git(place, *log, "--", f"*/{MANIFEST}") or b"").decode(errors="replace")
    found: dict[str, str] = {}
    for block in listed.split("\0")[1:]:
        commit, *names = block.split("\n")
        for name in names:
            folder, _, file = name.partition("/")
            if file == MANIFEST:
                # The newest addition first: of one that was removed and added again, the last.
                found.setdefault(folder, commit)
    return found


def tag_versions(root: Path) -> Iterator[str]:
    """Tag every version that is committed and has no tag; says what was done, line by line."""
    had = tagged(root)
    for place in PLACES:
        ledger = root / place / LEDGER
        entries = read_lines(ledger.read_bytes())[0] if ledger.is_file() else []
        for entry in entries:
            if entry.version not in had:
                yield _tag(root, root / place / entry.version, entry)


def tagged(root: Path) -> set[str]:
    """Versions that have a tag."""
    return {one.version for one in tags(root)}


def tags(root: Path) -> list[Tag]:
    """The tags of versions, asked for once, however many there are."""
    form = "%(refname:short)%00%(contents)%00%(contents:signature)%01"
    listed = git(root, "for-each-ref", f"--format={form}", f"refs/tags/{TAG}") or b""
    found = []
    for one in listed.decode(errors="replace").split("\x01"):
        name, _, rest = one.strip("\n").partition("\0")
        message, _, signature = rest.partition("\0")
        if name:
            line = LINE.search(message)
            version = name.removeprefix(TAG)
            found.append(Tag(version, line[1] if line else None, bool(signature.strip())))
    return found


def _tag(root: Path, folder: Path, entry: Entry) -> str:
    """Annotated, so that it holds the ledger's line; signed where Git is set to sign tags."""
    name = TAG + folder.name
    commit = added_by(root, folder)
    if commit is None:
        return f"not tagged: {folder.name} is not committed; commit {folder}, then tag again"
    message = f"Forecast version {entry.version}\n\nledger line {entry.digest()}\n"
    # No editor and no question: a key that wants its password is Git's agent's to ask for.
    environment = {**os.environ, "GIT_EDITOR": "true", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "-C", str(root), "tag", "--annotate", "--message", message, name, commit]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        return f"not tagged: Git refused the tag {name}: {clean(done.stderr)}"
    return f"tagged {name} at {commit[:12]}"
