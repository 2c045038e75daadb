"""Salted Merkle trees: the tree of RFC 6962, and no change that goes unseen."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.record.editions.merkle import LEAST, PADDING, climb, grow, leaf_hash, levels

SECRET = bytes(range(32))
# Leaves and roots of the test vectors that Certificate Transparency's implementations share.
VECTORS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
VECTORS.append("606162636465666768696a6b6c6d6e6f")
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
texts = st.lists(st.binary(max_size=12), max_size=90)


@pytest.mark.parametrize("count", ROOTS)
def test_trees_are_those_of_rfc_6962(count: int) -> None:
    hashes = [leaf_hash(b"", bytes.fromhex(one)) for one in VECTORS[:count]]
    assert levels(hashes)[-1][0].hex() == ROOTS[count]


def test_leaves_must_fill_the_tree() -> None:
    with pytest.raises(ValueError, match="3 leaves are no power of two"):
        levels([bytes(32)] * 3)


@settings(max_examples=60)
@given(texts)
def test_every_leaf_leads_to_the_root(data: list[bytes]) -> None:
    tree = grow(data, SECRET, b"one")
    assert len(tree.leaves) == len(tree.levels[0]) >= max(LEAST, len(data))
    assert sorted(data) == sorted(one.data for one in tree.leaves if one.data != PADDING)
    assert list(tree.levels[0]) == sorted(tree.levels[0])
    for place, leaf in enumerate(tree.leaves):
        assert climb(leaf.hash, place, tree.path(place)) == tree.root


@settings(max_examples=60)
@given(texts, st.randoms(use_true_random=False))
def test_order_tells_nothing_and_salts_never_repeat(data: list[bytes], rng: object) -> None:
    mixed = list(data)
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    tree = grow(data, SECRET, b"one")
    assert grow(mixed, SECRET, b"one") == tree
    others = [grow(data, SECRET, b"other"), grow(data, SECRET[::-1], b"one")]
    salts = [leaf.salt for one in (tree, *others) for leaf in one.leaves]
    assert len(set(salts)) == len(salts) and {len(salt) for salt in salts} == {32}


@settings(max_examples=200)
@given(texts, st.data())
def test_any_change_is_found(data: list[bytes], choose: st.DataObject) -> None:
    tree = grow(data, SECRET, b"one")
    place = choose.draw(st.integers(0, len(tree.leaves) - 1))
    leaf, path = tree.leaves[place], tree.path(place)
    whole = leaf.salt + leaf.data + b"".join(path)
    bit = choose.draw(st.integers(0, 8 * len(whole) - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    end = 32 + len(leaf.data)
    salt, content, rest = flipped[:32], flipped[32:end], flipped[end:]
    changed = [bytes(rest[start : start + 32]) for start in range(0, len(rest), 32)]
    assert climb(leaf_hash(bytes(salt), bytes(content)), place, changed) != tree.root
    elsewhere = choose.draw(st.integers(0, len(tree.leaves) - 1).filter(lambda at: at != place))
    assert climb(leaf.hash, elsewhere, path) != tree.root


def test_a_node_is_no_leaf() -> None:
    tree = grow([b"a"], SECRET, b"one")
    left, right = tree.levels[1][0], tree.levels[1][1]
    assert leaf_hash(left, right) != tree.levels[2][0]
    assert hashlib.sha256(b"\x01" + left + right).digest() == tree.levels[2][0]
