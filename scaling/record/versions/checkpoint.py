"""Checkpoints: one line that stands for all of a ledger, to be kept by somebody else.

A ledger's lines are the leaves of a Merkle tree (RFC 6962, section 2.1). Its root at some length is
a promise about every line up to there: whoever kept a root finds out by himself whether a line
before it was changed, removed, put elsewhere or dated back since, whatever was recomputed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from scaling.document.format import clean
from scaling.errors import InputError
from scaling.io.git import git
from scaling.record.versions.ledger import LEDGER, PLACES

FIRST = "scaling checkpoint 1"
HEAD = re.compile(r"^(reports(?:/[a-z-]+)*) ([0-9]+) ([0-9a-f]{64})$")
LIKE = "ledger's path, its number of lines and the hash of its tree, as `scaling checkpoint` prints"


@dataclass(frozen=True)
class Head:
    """The head of one ledger: its folder, its number of lines, the root of their Merkle tree."""

    place: str
    size: int
    root: str

    def __str__(self) -> str:
        return f"{self.place} {self.size} {self.root}"


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root of RFC 6962: H(00 leaf), H(01 left right), of no leaf H().

    The left part has the largest power of two of leaves that is less than all of them; level by
    level that is to pair neighbours and to take a last one without a neighbour up as it is.
    """
    level = [sha256(b"\0" + leaf).digest() for leaf in leaves]
    if not level:
        return sha256(b"").digest()
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [sha256(b"\1" + left + right).digest() for left, right in pairs]
        level = [*above, *level[len(above) * 2 :]]
    return level[0]


def heads(root: Path) -> list[Head]:
    """The head of every ledger of the project."""
    return [_head(root, place) for place in PLACES if (root / place / LEDGER).is_file()]


def _head(root: Path, place: str, size: int | None = None) -> Head:
    lines = (root / place / LEDGER).read_bytes().splitlines(keepends=True)[:size]
    return Head(place, len(lines), merkle_root(lines).hex())


def text(root: Path) -> str:
    """The checkpoint, to be given away.

    Raises:
        InputError: nothing is published.
    """
    found = heads(root)
    if not found:
        raise InputError("nothing is published, so there is nothing to stand for")
    return "\n".join([FIRST, *map(str, found)]) + "\n"


def read(content: str) -> list[Head]:
    """The heads in a checkpoint, or in one line of it.

    Raises:
        InputError: there is none.
    """
    found = [HEAD.match(line.strip()) for line in content.splitlines()]
    heads = [Head(one[1], int(one[2]), one[3]) for one in found if one]
    if not heads:
        shown = clean(content[:80]) or "nothing"
        raise InputError("not a checkpoint", value=shown, allowed=LIKE)
    return heads


def since(root: Path, kept: Sequence[Head]) -> Iterator[str]:
    """What is not as it was when the checkpoint was made; nothing where ledgers have only grown."""
    for head in kept:
        file = f"{head.place}/{LEDGER}"
        if head.place not in PLACES or not (root / file).is_file():
            yield f"{file}: is not there; the checkpoint has {head.size} lines of it"
            continue
        now = _head(root, head.place, head.size)
        if now.size < head.size:
            yield f"{file}: has {now.size} lines, and had {head.size} when the checkpoint was made"
        elif now.root != head.root:
            yield (
                f"{file}: its first {head.size} lines are not those of the checkpoint: published "
                "versions were changed, removed, added between others or dated anew since"
            )


# Signatures --------------------------------------------------------------------------------------


def signed(root: Path, checkpoint: str) -> str | None:
    """The checkpoint as a commit that Git signed, with any kind of key; None where none is set.

    The commit is on no branch and has no files: its message is the checkpoint, and `git
    verify-commit` knows its signature.

    Raises:
        InputError: a key is set, and Git cannot sign with it.
    """
    if not (git(root, "config", "--get", "user.signingkey") or b"").strip():
        return None
    tree = git(root, "hash-object", "-t", "tree", "-w", "/dev/null") or b""
    command = ["git", "-C", str(root), "commit-tree", "-S", "-m", checkpoint, tree.decode().strip()]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        hint = "`--unsigned` prints it without a signature"
        raise InputError(f"Git cannot sign: {clean(done.stderr)}", hint=hint)
    return (git(root, "cat-file", "commit", done.stdout.strip()) or b"").decode()


def signature(root: Path, content: str) -> tuple[str, bool]:
    """What is known of a checkpoint's signature, and whether that is no fault."""
    if "\ngpgsig" not in content:
        return "The checkpoint is not signed: it is as good as where it was kept.", True
    command = ["git", "-C", str(root), "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(command, input=content, capture_output=True, text=True)
    if made.returncode != 0:
        return "the signed checkpoint is not whole: Git cannot read it", False
    asked = ["git", "-C", str(root), "verify-commit", made.stdout.strip()]
    done = subprocess.run(asked, capture_output=True, text=True)
    said = clean(done.stderr.strip() or done.stdout.strip())
    if done.returncode != 0:
        return (
            f"the checkpoint's signature is not good, or its key is not known here: {said}",
            False,
        )
    return f"The checkpoint's signature is good: {said}", True
