"""Published versions by what a person says of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from scaling.errors import InputError
from scaling.record.versions.files import has, read
from scaling.record.versions.ledger import LEDGER, MANIFEST, PLACES, Entry, read_lines, short

# Ids named in an error.
NAMED = 10


def find(root: Path, name: str | None = None, places: tuple[str, ...] = PLACES) -> Path:
    """The folder of the version whose id begins with ``name``; without one the newest.

    Raises:
        InputError: nothing is published, or none or several ids begin so.
    """
    found = [(place, entry) for place in places for entry in _entries(root / place)]
    if not found:
        raise InputError("nothing is published", hint="`scaling refit` publishes")
    if name is None:
        place, newest = found[-1]
        return root / place / newest.version
    fits = [(place, one) for place, one in found if name and one.version.startswith(name)]
    exact = [(place, one) for place, one in fits if one.version == name] or fits
    if len(exact) == 1:
        return root / exact[0][0] / exact[0][1].version
    known = ", ".join(short(one.version) for _, one in reversed(found[-NAMED:]))
    what = "several versions begin so" if fits else "no such version"
    raise InputError(what, value=name, allowed=known)


def _entries(place: Path) -> list[Entry]:
    ledger = place / LEDGER
    return read_lines(ledger.read_bytes())[0] if ledger.is_file() else []


def version(root: Path, study: str) -> str:
    """The published version that has this study's model, byte for byte, else the model file's own
    hash; where there is no model, the same of its fits."""
    name = f"models/{study}.json"
    if not (root / "data" / name).is_file():
        name = f"fits/{study}.json"
    digest = hashlib.sha256((root / "data" / name).read_bytes()).hexdigest()
    for folder in sorted((root / "reports").glob("*/")):
        if has(folder, MANIFEST):
            known = json.loads(read(folder, MANIFEST)).get("files", {})
            if known.get(name, {}).get("sha256") == digest:
                return short(folder.name)
    return f"unpublished {digest[:12]}"
