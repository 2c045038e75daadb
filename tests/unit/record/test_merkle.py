"""Salted sparse Merkle trees: one value a key, and no change that goes unseen."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.record.editions import merkle
from scaling.record.editions.merkle import DEPTH, climb, grow, leaf_hash, node_hash, place_of

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
tables = st.dictionaries(st.binary(max_size=12), st.binary(max_size=12), min_size=1, max_size=40)


@pytest.mark.parametrize("count", ROOTS)
def test_nodes_are_those_of_rfc_6962(count: int) -> None:
    hashes = [leaf_hash(b"", bytes.fromhex(one)) for one in VECTORS[:count]]
    while len(hashes) > 1:
        hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
    assert hashes[0].hex() == ROOTS[count]


@settings(max_examples=40)
@given(tables)
def test_every_leaf_leads_to_the_root(data: dict[bytes, bytes]) -> None:
    tree = grow(data, SECRET, b"one")
    assert {key: leaf.data for key, leaf in tree.leaves.items()} == data
    for key, leaf in tree.leaves.items():
        assert climb(leaf.hash, place_of(key), tree.path(key)) == tree.root
        assert len(tree.path(key)) == DEPTH


@settings(max_examples=40)
@given(tables, st.randoms(use_true_random=False))
def test_order_says_nothing_and_salts_never_repeat(data: dict[bytes, bytes], rng: object) -> None:
    # Leaves hold their key, so no two hold the same.
    data = {key: key + b"|" + value for key, value in data.items()}
    mixed = list(data.items())
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    tree = grow(data, SECRET, b"one")
    assert grow(dict(mixed), SECRET, b"one").root == tree.root
    others = [grow(data, SECRET, b"other"), grow(data, SECRET[::-1], b"one")]
    salts = [leaf.salt for one in (tree, *others) for leaf in one.leaves.values()]
    assert len(set(salts)) == len(salts) and {len(salt) for salt in salts} == {32}


@settings(max_examples=150)
@given(tables, st.data())
def test_any_change_is_found(data: dict[bytes, bytes], choose: st.DataObject) -> None:
    tree = grow(data, SECRET, b"one")
    key = choose.draw(st.sampled_from(sorted(data)))
    leaf, path = tree.leaves[key], tree.path(key)
    whole = leaf.salt + leaf.data + b"".join(path)
    bit = choose.draw(st.integers(0, 8 * len(whole) - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    end = 32 + len(leaf.data)
    salt, content, rest = flipped[:32], flipped[32:end], flipped[end:]
    changed = [bytes(rest[start : start + 32]) for start in range(0, len(rest), 32)]
    assert climb(leaf_hash(bytes(salt), bytes(content)), place_of(key), changed) != tree.root
    other = choose.draw(st.binary(max_size=12).filter(lambda one: one != key))
    assert climb(leaf.hash, place_of(other), path) != tree.root


def test_a_path_says_nothing_of_other_keys() -> None:
    """Fillers stand where nothing does: the siblings are random with one leaf or a thousand."""
    few, many = (
        grow({b"a": b"1"}, SECRET, b"x"),
        grow({b"%d" % n: b"1" for n in range(1000)} | {b"a": b"1"}, SECRET, b"x"),
    )
    for tree in (few, many):
        path = tree.path(b"a")
        assert len(path) == len(set(path)) == DEPTH and {len(one) for one in path} == {32}
    # Far down nothing else stands, and the same fillers do.
    assert few.path(b"a")[:40] == many.path(b"a")[:40]


def test_two_keys_at_one_place_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "place_of", lambda key: 7)
    with pytest.raises(ValueError, match="two keys have the same place"):
        grow({b"a": b"1", b"b": b"2"}, SECRET, b"x")


def test_a_tree_without_leaves_has_a_root() -> None:
    assert len(grow({}, SECRET, b"x").root) == 32


def test_a_node_is_no_leaf() -> None:
    left, right = bytes(32), bytes([1]) * 32
    assert leaf_hash(left, right) != node_hash(left, right)
    assert hashlib.sha256(b"\x01" + left + right).digest() == node_hash(left, right)
