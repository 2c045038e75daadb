"""Checking redacted editions, and proofs about them, with nothing else at hand.

A proof (`scaling.record.editions.disclose`) is a file that names the edition and holds, for each
leaf that it shows, the leaf, its salt and the sibling hashes from it to the root. Where a leaf
stands follows from its key. In editions of format 1 a proof gave the place, and a row was a leaf.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from scaling.errors import InputError, counted
from scaling.io.hashing import canonical, sha256
from scaling.io.json_files import json_text as pretty
from scaling.record.editions import redact
from scaling.record.editions.merkle import DEPTH, climb, leaf_hash, place_of
from scaling.record.versions import tables
from scaling.record.versions.files import has
from scaling.record.versions.files import read as read_file
from scaling.record.versions.ledger import MANIFEST, PLACES, VERSION_NAME

MANIFEST_KEYS = {
    *("format", "sealed", "issued_at", "as_of", "full", "made_by", "commitment", "files"),
    "edition",
}
# Format -> how its tree was hashed, and the columns of its commitment.
FIRST = "scaling redacted edition, 1"
HASHES = {
    FIRST: "RFC 6962 over SHA-256, leaves 00 | salt (32 bytes) | data, in order of their hash",
    redact.FORMAT: redact.HASH,
}
# What names a leaf, by its kind: nothing more, or one fact could stand in two places.
KEYS = {
    "run": {"kind", "run", "metric"},
    "forecast": {"kind", "file", "study"},
    "name": {"kind", "of", "alias"},
    "file": {"kind", "path"},
}
ONE_ROW_A_LEAF = (
    "An edition of format 1 has a leaf for each row: it may bind another value of a run too."
)


def check(folder: Path) -> list[str]:
    """What is wrong with an edition, by itself; an empty list when nothing."""
    try:
        manifest = read(folder)
    except InputError as error:
        return [str(error)]
    problems = [
        f"{folder}: {name!r} {wrong}"
        for name, facts in manifest["files"].items()
        if (wrong := _wrong(folder, name, facts)) is not None
    ]
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).as_posix()
        if not path.is_dir() and inside not in {MANIFEST, *manifest["files"]}:
            problems.append(f"{folder}: {inside!r} is not part of the edition")
    return problems


def check_all(root: Path) -> list[str]:
    """What is wrong with the editions of a project, and with their relation to its versions."""
    problems = []
    for folder in sorted((root / PLACES[-1] / redact.FOLDER).glob("[!.]*")):
        problems += (wrong := check(folder))
        full = root / PLACES[-1] / ("" if wrong else read(folder)["full"]["version"])
        if not wrong and not has(full, MANIFEST):
            problems.append(f"{folder}: its full version {full.name} is not here")
        elif not wrong:
            problems += check_full(folder, full)
    return problems


def check_full(folder: Path, full: Path) -> list[str]:
    """Whether an edition is what redacting this full version gives, but for root and page.

    That the root binds the version's rows can be checked by who has the secret: `redact` again.
    The page is for people, and its wording may change from release to release. Raises InputError
    when there is no version in the folder ``full``.
    """
    manifest = read(folder)
    if not has(full, MANIFEST):
        raise InputError("is not the folder of a version", file=full)
    if sha256(read_file(full, MANIFEST)) != manifest["full"]["manifest_sha256"]:
        return [f"{folder}: was not made from {full}, whose manifest has another hash"]
    every = redact.tables_of(tables.manifest(full))
    internal = {redact.table_of(path) for path in every if path not in manifest["made_by"]["data"]}
    files = redact.part(full, internal, sealed=manifest["sealed"]).files
    files[redact.PAGE] = (folder / redact.PAGE).read_bytes()
    differ = [
        f"{folder / name}: is not what {full} gives"
        for name in sorted({*files, *manifest["files"]})
        if name not in files or manifest["files"].get(name, {}).get("sha256") != sha256(files[name])
    ]
    expected = redact.manifest(
        full,
        internal,
        files,
        manifest["commitment"],
        sealed=manifest["sealed"],
        written_as=manifest["format"],
    )
    if not differ and expected != manifest:
        differ.append(f"{folder / MANIFEST}: is not what {full} gives")
    return differ


def check_proof(folder: Path, file: Path) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The leaves that a proof shows and that belong to the edition, and what is wrong with it."""
    manifest = read(folder)
    proof = _json(file, "a proof")
    if not isinstance(proof, dict) or set(proof) != {"edition", "shown"}:
        return [], [f"{file}: is not a proof"]
    if proof["edition"] != manifest["edition"]:
        return [], [f"{file}: is about another edition"]
    bound = manifest["commitment"]
    first = manifest["format"] == FIRST
    good, problems = [], []
    for number, one in enumerate(proof["shown"] if isinstance(proof["shown"], list) else [None], 1):
        if _belonged(one, bound) if first else _belongs(one, bytes.fromhex(bound["root"])):
            good.append(one["leaf"])
        else:
            problems.append(f"{file}: number {number} does not belong to the edition")
    distinct = {canonical(leaf["key"]): leaf for leaf in good} if not first else {}
    runs = [leaf for leaf in distinct.values() if leaf["key"]["kind"] == "run"]
    rows = sum(len(leaf["value"]) for leaf in runs)
    if not first and (rows > bound["rows"] or len(runs) > bound["keys"]):
        told = f"{bound['rows']} rows of {bound['keys']} keys"
        problems.append(f"{file}: shows {rows} rows of {len(runs)} keys; the edition states {told}")
    return good, problems


def stated(manifest: Mapping[str, Any]) -> str:
    """What an edition says of what it withholds, in a sentence."""
    bound = manifest["commitment"]
    if manifest["format"] == FIRST:
        return ONE_ROW_A_LEAF
    return (
        f"It binds {counted(bound['rows'], 'row')} of internal runs under "
        f"{counted(bound['keys'], 'key')} (run and metric), one value each."
    )


# Reading what a stranger wrote --------------------------------------------------------------------


def _json(file: Path, what: str) -> Any:
    """The content of a file that must be written as we write it, so that no byte may change."""
    if file.is_symlink() or not file.is_file():
        raise InputError("is missing, or is no plain file", file=file)
    content = file.read_bytes()
    try:
        value = json.loads(content)
        if pretty(value).encode() == content:
            return value
    except (ValueError, RecursionError):
        pass
    raise InputError(f"is not {what} as it was written", file=file)


def read(folder: Path) -> dict[str, Any]:
    """The manifest of an edition, when it is whole and its id is the hash of the rest."""
    file = folder / MANIFEST
    manifest = _json(file, "the manifest of a redacted edition")
    if not isinstance(manifest, dict) or not _sound(manifest):
        raise InputError("is not the manifest of a redacted edition", file=file)
    if manifest["edition"] != redact.edition_id(manifest):
        raise InputError("the edition's id is not the hash of its content", file=file)
    return manifest


def _sound(manifest: Mapping[str, Any]) -> bool:
    """Whether the parts that are read have the types that they must have."""
    if set(manifest) != MANIFEST_KEYS or manifest["format"] not in HASHES:
        return False
    maps = [manifest[name] for name in ("full", "made_by", "commitment", "files")]
    if not all(isinstance(one, dict) for one in maps) or not isinstance(manifest["sealed"], bool):
        return False
    files, bound = manifest["files"].values(), manifest["commitment"]
    return (
        VERSION_NAME.fullmatch(str(manifest["full"].get("version"))) is not None
        and re.fullmatch("[0-9T:+-]+", str(manifest["issued_at"])) is not None
        and _is_hash(bound.get("root"))
        and bound.get("hash") == HASHES[manifest["format"]]
        and _counts_sound(bound, first=manifest["format"] == FIRST)
        and isinstance(manifest["made_by"].get("data"), dict)
        and all(isinstance(one, dict) and _is_hash(one.get("sha256")) for one in files)
    )


def _counts_sound(bound: Mapping[str, Any], *, first: bool) -> bool:
    """Whether an edition states how much it binds."""
    if first:
        width = bound.get("leaves")
        return type(width) is int and 0 < width.bit_count() == 1
    keys, rows = bound.get("keys"), bound.get("rows")
    return type(keys) is int and type(rows) is int and 0 <= keys <= rows


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _wrong(folder: Path, name: str, facts: Mapping[str, Any]) -> str | None:
    """What is wrong with one file of an edition; names that lead elsewhere are not followed."""
    inside = PurePosixPath(name)
    path = folder / name
    if inside.is_absolute() or ".." in inside.parts or inside.as_posix() != name:
        return "leads out of the edition"
    if path.is_symlink() or not path.is_file():
        return "is missing, or is no plain file"
    content = path.read_bytes()
    same = sha256(content) == facts["sha256"] and len(content) == facts.get("bytes")
    return None if same else "is not what was published"


def _belongs(one: object, root: bytes) -> bool:
    """Whether a shown leaf speaks of its key, and leads to the root from that key's place."""
    if not isinstance(one, dict) or set(one) != {"leaf", "salt", "path"}:
        return False
    leaf, path = one["leaf"], one["path"]
    if not isinstance(leaf, dict) or set(leaf) != {"key", "value"} or not _sound_leaf(**leaf):
        return False
    if not isinstance(path, list) or len(path) != DEPTH or not all(map(_is_hash, path)):
        return False
    if not _is_hash(one["salt"]):
        return False
    start = leaf_hash(bytes.fromhex(one["salt"]), canonical(leaf))
    return climb(start, place_of(canonical(leaf["key"])), map(bytes.fromhex, path)) == root


def _sound_leaf(key: object, value: object) -> bool:
    """Whether a key has the columns of its kind, and every line of a value is about that key."""
    if not isinstance(key, dict) or set(key) != KEYS.get(str(key.get("kind"))):
        return False
    if not all(isinstance(one, str) for one in key.values()):
        return False
    about = {name: key[name] for name in ("run", "metric", "study") if name in key}
    if not about:
        return True
    return isinstance(value, list) and all(
        isinstance(line, dict) and about == {name: line.get(name) for name in about}
        for line in value
    )


def _belonged(one: object, bound: Mapping[str, Any]) -> bool:
    """Whether a leaf of an edition of format 1, its salt, place and path lead to the root."""
    root, width = bytes.fromhex(bound["root"]), bound["leaves"]
    if not isinstance(one, dict) or set(one) != {"leaf", "salt", "place", "path"}:
        return False
    leaf, place, path = one["leaf"], one["place"], one["path"]
    if type(place) is not int or not 0 <= place < width or not isinstance(path, list):
        return False
    if len(path) != width.bit_length() - 1 or not all(map(_is_hash, [one["salt"], *path])):
        return False
    if not isinstance(leaf, dict) or leaf.get("kind") == "padding":
        return False
    start = leaf_hash(bytes.fromhex(one["salt"]), canonical(leaf))
    return climb(start, place, map(bytes.fromhex, path)) == root
