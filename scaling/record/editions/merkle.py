"""Sparse Merkle trees with salted leaves: one hash that binds one secret value to each key.

    place = first 64 bits of SHA-256(02 | key)
    leaf  = SHA-256(00 | salt | data)        salt of 32 bytes, so that data cannot be guessed
    node  = SHA-256(01 | left | right)

Every key has one place among 2^64, so a root binds one value to a key and no other can be proven,
as in CONIKS (Melara et al. 2015, section 3.1). Where nothing stands, a random filler does, so that
a path says neither how many leaves there are nor whether some other key has one. The prefixes keep
a node from passing as a leaf, as in RFC 6962 (section 2.1).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# A million keys meet with a probability of 3e-8 (n^2 / 2^65); `grow` refuses when they do.
DEPTH = 64
_PURPOSE = b"scaling redacted edition, salts, 2\0"


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
    """Leaves by key, and each level's hashes by place, from the leaves to the root."""

    leaves: Mapping[bytes, Leaf]
    levels: tuple[Mapping[int, bytes], ...]

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def path(self, key: bytes) -> list[bytes]:
        """The sibling hashes from a key's leaf to the root, lowest first."""
        place = place_of(key)
        return [level[(place >> height) ^ 1] for height, level in enumerate(self.levels[:-1])]


def place_of(key: bytes) -> int:
    """Where the leaf of a key stands, from 0 to 2^64 - 1."""
    return int.from_bytes(hashlib.sha256(b"\x02" + key).digest()[: DEPTH // 8], "big")


def leaf_hash(salt: bytes, data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + salt + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node with two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def climb(leaf: bytes, place: int, path: Iterable[bytes]) -> bytes:
    """The root that follows from a leaf's hash, its place and the sibling hashes."""
    for height, sibling in enumerate(path):
        right = place >> height & 1
        leaf = node_hash(sibling, leaf) if right else node_hash(leaf, sibling)
    return leaf


def grow(data: Mapping[bytes, bytes], secret: bytes, context: bytes) -> Tree:
    """The tree over key -> data, salted by a secret; the order of the keys does not matter.

    Salts and fillers are HMAC-SHA-256 of the data, or of height and place, under the key
    HMAC-SHA-256(secret, purpose | context). So the salt of one leaf says nothing of another's,
    and the same data in another context have another salt. Raises ValueError where two keys have
    one place.
    """
    key = hmac.digest(secret, _PURPOSE + context, "sha256")
    leaves = {
        one: Leaf(content, hmac.digest(key, b"salt" + content, "sha256"))
        for one, content in data.items()
    }
    level = {place_of(one): leaf.hash for one, leaf in leaves.items()}
    if len(level) != len(leaves):
        raise ValueError("two keys have the same place; another name for one of them parts them")
    levels: list[Mapping[int, bytes]] = []
    for height in range(DEPTH):
        # Without a leaf, a tree of fillers alone: its root binds nothing.
        for place in list(level) or [0, 1]:
            for one in (place, place ^ 1):
                if one not in level:
                    level[one] = _filler(key, height, one)
        levels.append(level)
        level = {
            place >> 1: node_hash(level[place], level[place ^ 1])
            for place in level
            if not place & 1
        }
    return Tree(leaves, (*levels, level))


def _filler(key: bytes, height: int, place: int) -> bytes:
    return hmac.digest(key, b"none" + bytes([height]) + place.to_bytes(8, "big"), "sha256")
