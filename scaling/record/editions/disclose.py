"""Showing single leaves of a redacted edition: a row, a name, a forecast, the hash of a file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.errors import InputError
from scaling.io.hashing import canonical
from scaling.io.json_files import json_text as pretty
from scaling.record.editions import redact, verify
from scaling.record.editions.merkle import Tree
from scaling.record.versions import tables
from scaling.record.versions.ledger import PLACES


@dataclass(frozen=True)
class Wanted:
    """What to show: runs by a condition, names and forecasts by alias, files by path."""

    where: str | None = None
    names: Collection[str] = ()
    forecasts: Collection[str] = ()
    files: Collection[str] = ()


def disclose(root: Path, folder: Path, secret: bytes, wanted: Wanted) -> bytes:
    """The bytes of the proof that shows these leaves of the edition in ``folder``.

    Raises InputError when the secret or the internal tables are not those that made the edition,
    when the edition has nothing like what is wanted, or is of an earlier format.
    """
    manifest = verify.read(folder)
    if manifest["format"] != redact.FORMAT:
        hint = "The engine that made it can: check out the commit of its version."
        found, allowed = manifest["format"], redact.FORMAT
        raise InputError(
            "cannot disclose from it", file=folder, value=found, allowed=allowed, hint=hint
        )
    version = manifest["full"]["version"]
    edition = redact.redact(root, version, secret, sealed=manifest["sealed"])
    # The root, not the id: a page that reads otherwise today takes nothing from what was bound.
    if edition.tree.root.hex() != manifest["commitment"]["root"]:
        hint = "It was made with another secret; nothing was disclosed."
        raise InputError("the edition's root cannot be reproduced", file=folder, hint=hint)
    full = root / PLACES[-1] / version
    chosen = {canonical(leaf.key) for leaf in _chosen(root, full, manifest["sealed"], wanted)}
    if not chosen:
        raise InputError("nothing in the edition is like that", file=folder)
    shown = [_shown(edition.tree, key) for key in sorted(chosen)]
    return pretty({"edition": manifest["edition"], "shown": shown}).encode()


def _chosen(root: Path, full: Path, sealed: bool, wanted: Wanted) -> Iterable[redact.Leaf]:
    manifest = tables.manifest(full)
    internal = redact.internal_tables(root, manifest)
    if wanted.where is not None:
        yield from redact.run_leaves(root, manifest, internal, wanted.where)
    for leaf in redact.part(full, internal, sealed=sealed).leaves:
        kind, key = leaf.key["kind"], leaf.key
        if (
            (kind == "name" and key["alias"] in wanted.names)
            or (kind == "forecast" and key["study"] in wanted.forecasts)
            or (kind == "file" and key["path"] in wanted.files)
        ):
            yield leaf


def _shown(tree: Tree, key: bytes) -> dict[str, Any]:
    leaf, path = tree.leaves[key], [digest.hex() for digest in tree.path(key)]
    return {"leaf": json.loads(leaf.data), "salt": leaf.salt.hex(), "path": path}
