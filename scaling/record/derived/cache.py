"""What was derived here before, so that the same record is not derived twice.

The audit and the index are a function of the record and the code. Once they were found to be what
the record gives, the hash of everything that goes in and comes out (`state`) is kept in the
person's own cache folder, outside the project: who publishes cannot reach it, and a byte that
changes anywhere makes another hash. Whoever can write there can change the installed code as well.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import metadata
from pathlib import Path

from scaling.io import atomic
from scaling.io import cache as cached
from scaling.io.hashing import sha256
from scaling.record.versions.sources import installed_hash, listing_hash

# Below the project: all that derivations read, and all that they write.
FOLDERS = ("reports", "laws")
FILES = ("params.yaml", "scaling.toml")
# They compute and draw beside our own code.
PACKAGES = ("jinja2", "numpy", "polars", "scipy", "vl-convert-python")
KEPT = 50
STATES = "states.txt"


def state(root: Path, certificate: Path | None = None) -> str:
    """One hash of the record, of what is derived from it, and of the code that derives."""
    names = [Path(name) for name in FILES] + [
        Path(base, name).relative_to(root)
        for folder in FOLDERS
        for base, _, there in os.walk(root / folder)
        for name in there
    ]
    names += [] if certificate is None else [certificate]
    files = [
        (str(one), sha256((root / one).read_bytes())) for one in names if (root / one).is_file()
    ]
    versions = [f"{name} {metadata.version(name)}" for name in PACKAGES]
    facts = [str(certificate), installed_hash(), sys.version, *versions, listing_hash(files)]
    return sha256("\n".join(facts).encode())


def is_known(found: str) -> bool:
    """Whether this state was derived here before."""
    return found in _known()


def keep(found: str) -> None:
    """Remember a state; where the cache folder cannot be written, nothing is remembered."""
    known = [*(one for one in _known() if one != found), found][-KEPT:]
    place = cached.folder("derivations")
    with contextlib.suppress(OSError):
        if place is not None:
            atomic.write(place / STATES, "".join(f"{one}\n" for one in known).encode())


def _known() -> list[str]:
    place = cached.folder("derivations")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if place is not None:
            return (place / STATES).read_text(encoding="ascii").splitlines()
    return []
