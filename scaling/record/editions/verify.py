"""Checking redacted editions, and proofs about them, with nothing else at hand.

A proof (`scaling.record.editions.disclose`) is a file that names the edition and holds, for each
leaf that it shows, the leaf, its salt, its place and the hashes beside the way to the root.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from scaling.errors import InputError
from scaling.io.hashing import canonical, sha256
from scaling.io.json_files import json_text as pretty
from scaling.record.editions import redact
from scaling.record.editions.merkle import climb, leaf_hash
from scaling.record.versions.ledger import MANIFEST, PLACES, VERSION_NAME

MANIFEST_KEYS = {
    *("format", "sealed", "issued_at", "as_of", "full", "made_by", "commitment", "files"),
    "edition",
}


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
        if not wrong and not (full / MANIFEST).is_file():
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
    if not (full / MANIFEST).is_file():
        raise InputError("is not the folder of a version", file=full)
    if sha256((full / MANIFEST).read_bytes()) != manifest["full"]["manifest_sha256"]:
        return [f"{folder}: was not made from {full}, whose manifest has another hash"]
    every = redact.tables_of(json.loads((full / MANIFEST).read_bytes()))
    internal = {redact.table_of(path) for path in every if path not in manifest["made_by"]["data"]}
    files = redact.part(full, internal, sealed=manifest["sealed"]).files
    files[redact.PAGE] = (folder / redact.PAGE).read_bytes()
    differ = [
        f"{folder / name}: is not what {full} gives"
        for name in sorted({*files, *manifest["files"]})
        if name not in files or manifest["files"].get(name, {}).get("sha256") != sha256(files[name])
    ]
    expected = redact.manifest(
        full, internal, files, manifest["commitment"], sealed=manifest["sealed"]
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
    root, width = bytes.fromhex(manifest["commitment"]["root"]), manifest["commitment"]["leaves"]
    good, problems = [], []
    for number, one in enumerate(proof["shown"] if isinstance(proof["shown"], list) else [None], 1):
        if _belongs(one, root, width):
            good.append(one["leaf"])
        else:
            problems.append(f"{file}: number {number} does not belong to the edition")
    return good, problems


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
    if set(manifest) != MANIFEST_KEYS or manifest["format"] != redact.FORMAT:
        return False
    maps = [manifest[name] for name in ("full", "made_by", "commitment", "files")]
    if not all(isinstance(one, dict) for one in maps) or not isinstance(manifest["sealed"], bool):
        return False
    files, bound, width = (
        manifest["files"].values(),
        manifest["commitment"],
        manifest["commitment"].get("leaves"),
    )
    return (
        VERSION_NAME.fullmatch(str(manifest["full"].get("version"))) is not None
        and re.fullmatch("[0-9T:+-]+", str(manifest["issued_at"])) is not None
        and _is_hash(bound.get("root"))
        and bound.get("hash") == redact.HASH
        and type(width) is int
        and 0 < width.bit_count() == 1
        and isinstance(manifest["made_by"].get("data"), dict)
        and all(isinstance(one, dict) and _is_hash(one.get("sha256")) for one in files)
    )


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


def _belongs(one: object, root: bytes, width: int) -> bool:
    """Whether a shown leaf, its salt, place and path lead to the root."""
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
