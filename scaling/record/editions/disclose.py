"""Showing single leaves of a redacted edition: a row, a name, a forecast, the hash of a file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.errors import InputError
from scaling.io.hashing import canonical
from scaling.io.json_files import json_text as pretty
from scaling.record.editions import redact, verify
from scaling.record.editions.merkle import Tree
from scaling.record.versions.ledger import MANIFEST, PLACES


@dataclass(frozen=True)
class Wanted:
    """What to show: rows by a condition, names and forecasts by alias, files by path."""

    where: str | None = None
    names: Collection[str] = ()
    forecasts: Collection[str] = ()
    files: Collection[str] = ()


def disclose(root: Path, folder: Path, secret: bytes, wanted: Wanted) -> bytes:
    """The bytes of the proof that shows these leaves of the edition in ``folder``.

    Raises InputError when the secret or the internal tables are not those that made the edition,
    or when the edition has nothing like what is wanted.
    """
    manifest = verify.read(folder)
    version = manifest["full"]["version"]
    edition = redact.redact(root, version, secret, sealed=manifest["sealed"])
    # The root, not the id: a page that reads otherwise today takes nothing from what was bound.
    if edition.tree.root.hex() != manifest["commitment"]["root"]:
        hint = "It was made with another secret; nothing was disclosed."
        raise InputError("the edition's root cannot be reproduced", file=folder, hint=hint)
    full = root / PLACES[-1] / version
    chosen = {canonical(leaf) for leaf in _chosen(root, full, manifest["sealed"], wanted)}
    if not chosen:
        raise InputError("nothing in the edition is like that", file=folder)
    return pretty(
        {"edition": manifest["edition"], "shown": list(_shown(edition.tree, chosen))}
    ).encode()


def _chosen(root: Path, full: Path, sealed: bool, wanted: Wanted) -> Iterable[Mapping[str, Any]]:
    manifest = json.loads((full / MANIFEST).read_bytes())
    internal = redact.internal_tables(root, manifest)
    if wanted.where is not None:
        yield from redact.row_leaves(root, manifest, internal, wanted.where)
    for leaf in redact.part(full, internal, sealed=sealed).leaves:
        if (
            (leaf["kind"] == "name" and leaf["alias"] in wanted.names)
            or (leaf["kind"] == "forecast" and leaf["line"]["study"] in wanted.forecasts)
            or (leaf["kind"] == "file" and leaf["path"] in wanted.files)
        ):
            yield leaf


def _shown(tree: Tree, chosen: Collection[bytes]) -> Iterable[dict[str, Any]]:
    for place, leaf in enumerate(tree.leaves):
        if leaf.data in chosen:
            path = [digest.hex() for digest in tree.path(place)]
            content = json.loads(leaf.data)
            yield {"leaf": content, "salt": leaf.salt.hex(), "place": place, "path": path}
