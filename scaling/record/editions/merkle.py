"""Salted Merkle trees: one hash that binds many secrets, each of which can be shown alone.

    leaf  = SHA-256(00 | salt | data)        salt of 32 bytes, so that data cannot be guessed
    node  = SHA-256(01 | left | right)

The two prefixes keep a node from passing as a leaf, as in RFC 6962 (section 2.1), whose tree over
a power of two of leaves this is. Leaves are in order of their hash, so a place says nothing of
what stands there, and the tree is padded, so that it shows their number only to a factor of two.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

LEAST = 64
PADDING = b'{"kind":"padding"}'
_PURPOSE = b"scaling redacted edition, salts, 1\0"


@dataclass(frozen=True)
class Leaf:
    """What a leaf holds, and the salt without which that cannot be checked or guessed."""

    data: bytes
    salt: bytes

    @property
    def hash(self) -> bytes:
        return leaf_hash(self.salt, self.data)


@dataclass(frozen=True)
class Tree:
    """Leaves in order of their hash, and the hashes of each level from the leaves to the root."""

    leaves: tuple[Leaf, ...]
    levels: tuple[tuple[bytes, ...], ...]

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def path(self, place: int) -> list[bytes]:
        """The hashes beside the way from a leaf to the root."""
        return [level[(place >> height) ^ 1] for height, level in enumerate(self.levels[:-1])]


def leaf_hash(salt: bytes, data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + salt + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def climb(leaf: bytes, place: int, path: Iterable[bytes]) -> bytes:
    """The root that follows from a leaf's hash, its place and the hashes beside the way."""
    for height, beside in enumerate(path):
        right = place >> height & 1
        leaf = node_hash(beside, leaf) if right else node_hash(leaf, beside)
    return leaf


def levels(leaves: Iterable[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """All levels over these leaf hashes, whose number must be a power of two."""
    levels = [tuple(leaves)]
    if len(levels[0]).bit_count() != 1:
        raise ValueError(f"{len(levels[0])} leaves are no power of two")
    while len(levels[-1]) > 1:
        pairs = zip(levels[-1][::2], levels[-1][1::2], strict=True)
        levels.append(tuple(node_hash(left, right) for left, right in pairs))
    return tuple(levels)


def grow(data: Iterable[bytes], secret: bytes, context: bytes) -> Tree:
    """The tree over these data, salted by a secret; the order of the data does not matter.

    A salt is HMAC-SHA-256(key, n | data), with key = HMAC-SHA-256(secret, purpose | context) and
    n (8 bytes) counting equal data. So the salt of one leaf says nothing of another's, the same
    data in another context has another salt, and no salt ever serves two different data.
    """
    key = hmac.digest(secret, _PURPOSE + context, "sha256")
    seen: Counter[bytes] = Counter()
    leaves = []
    given = list(data)
    width = max(LEAST, 1 << (len(given) - 1).bit_length()) if given else LEAST
    for one in [*given, *[PADDING] * (width - len(given))]:
        salt = hmac.digest(key, seen[one].to_bytes(8, "big") + one, "sha256")
        seen[one] += 1
        leaves.append(Leaf(one, salt))
    hashed = sorted((leaf.hash, place) for place, leaf in enumerate(leaves))
    ordered = tuple(leaves[place] for _, place in hashed)
    return Tree(ordered, levels(digest for digest, _ in hashed))
