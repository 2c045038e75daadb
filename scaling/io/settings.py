"""``scaling.toml``, which marks the root of a workspace and holds what is true of all of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from scaling.errors import InputError, nearest

FILE = "scaling.toml"
SECTION = "workspace"


@dataclass(frozen=True)
class Settings:
    """The settings of a workspace; a missing one has the value here.

    - ``team``: who publishes, in names of hubverse tables
    - ``engine``: versions of the engine that `scaling upgrade` may move to (PEP 440: ">=0.2,<1");
      empty: any
    - ``whole_versions``: how many of the newest versions are kept with all their files; thirty are
      a month of daily ones, of 1.6 MB each (`du -s reports/*`)
    - ``repository``: the address at which a browser finds the project's Git, for links to older
      versions; empty: none
    """

    team: str = ""
    engine: str = ""
    whole_versions: int = 30
    repository: str = ""


def read(root: Path) -> Settings:
    """The settings of the workspace at ``root``; the defaults where it has no file.

    Raises:
        InputError: the file is no TOML, or has a setting that is unknown or of another kind.
    """
    path = root / FILE
    if not path.is_file():
        return Settings()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8")).get(SECTION, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is no TOML: {error}", file=path) from error
    if not isinstance(given, dict):
        raise InputError("is no table", file=path, column=SECTION, value=given)
    for name, value in given.items():
        _check(path, name, value)
    return Settings(**given)


def _check(path: Path, name: str, value: Any) -> None:
    kinds = {one.name: type(getattr(Settings, one.name)) for one in fields(Settings)}
    if name not in kinds:
        allowed, hint = ", ".join(kinds), nearest(name, list(kinds))
        raise InputError("no such setting", file=path, value=name, allowed=allowed, hint=hint)
    if type(value) is not kinds[name] or (kinds[name] is int and value < 1):
        allowed = "text in quotes" if kinds[name] is str else "a whole number, at least 1"
        raise InputError("is no such value", file=path, column=name, value=value, allowed=allowed)
    if name == "repository" and value and not _is_web(value):
        allowed = "https://HOST/OWNER/NAME"
        raise InputError(
            "is no address of a repository", file=path, column=name, value=value, allowed=allowed
        )


def _is_web(value: str) -> bool:
    return value.startswith("https://") and value.isprintable() and " " not in value
