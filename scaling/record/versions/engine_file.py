"""``engine.yaml``: the engine that a workspace runs on, and versions of it are bound to.

- ``distribution``, ``version``: what an index calls it
- ``code``: one hash of all code of the package (`scaling.record.versions.sources`)
- ``wheel``: file name and SHA-256 of the wheel that DVC keeps; absent without one
- ``stages``: stage -> hash of the code that it depends on
- ``managed``: file -> SHA-256 of what the engine wrote there
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import scaling
from scaling.errors import InputError
from scaling.extras import DISTRIBUTION
from scaling.record.versions.sources import ENGINE_FILE, PACKAGE, installed_hash

UPGRADE = "`scaling upgrade` moves the workspace to it; or install the engine that the file names."


@dataclass(frozen=True)
class Engine:
    """What ``engine.yaml`` says; see the module."""

    version: str
    code: str
    stages: Mapping[str, str] = field(default_factory=dict)
    managed: Mapping[str, str] = field(default_factory=dict)
    wheel: Mapping[str, str] | None = None


def parse(text: bytes | str) -> Engine:
    """The engine of a file's text.

    Raises:
        ValueError: it names none.
    """
    try:
        found: Any = yaml.safe_load(text)
        stages, managed = (dict(found.get(name) or {}) for name in ("stages", "managed"))
        return Engine(
            str(found["version"]), str(found["code"]), stages, managed, found.get("wheel")
        )
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"names no engine: {error!r}") from error


def read(root: Path) -> Engine:
    """The engine of a workspace.

    Raises:
        InputError: its file is missing, or names none.
    """
    path = root / ENGINE_FILE
    if not path.is_file():
        hint = "Git has it: `git checkout -- engine.yaml`. A checkout of the engine has none."
        raise InputError("is missing", file=path, hint=hint)
    try:
        return parse(path.read_bytes())
    except ValueError as error:
        raise InputError(str(error), file=path, allowed="`version` and `code`") from error


def check(root: Path) -> None:
    """Refuse to work with another engine than the workspace's own; a checkout runs on itself.

    Raises:
        InputError: the installed engine has other code than ``engine.yaml`` names.
    """
    path = root / ENGINE_FILE
    # A folder `scaling` of a user's own is no checkout: it has no laws.
    if not path.is_file() and (root / PACKAGE / "laws").is_dir():
        return
    named = read(root)
    if named.code != installed_hash():
        raise InputError(
            "the installed engine is not the workspace's",
            file=path,
            value=f"{DISTRIBUTION} {scaling.__version__}, code {installed_hash()[:12]}",
            allowed=f"{DISTRIBUTION} {named.version}, code {named.code[:12]}",
            hint=UPGRADE,
        )
