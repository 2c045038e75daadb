"""What a project sets in ``scaling.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from scaling.errors import InputError

FILE = "scaling.toml"
WHOLE = "whole_versions"
# A month of daily versions. One takes 1.6 MB (`du -s reports/*`).
DEFAULT_WHOLE = 30
REPOSITORY = "repository"


def whole_versions(root: Path) -> int:
    """How many of the newest versions the tree holds whole.

    Raises:
        InputError: the file is no TOML, or the number is none.
    """
    value = _workspace(root).get(WHOLE, DEFAULT_WHOLE)
    if type(value) is not int or value < 1:
        raise InputError(
            "is no number of versions",
            file=root / FILE,
            column=WHOLE,
            value=value,
            allowed="a whole number, 1 or more",
        )
    return value


def repository(root: Path) -> str | None:
    """The address at which a browser finds the project's Git, without a slash at its end.

    Raises:
        InputError: the file is no TOML, or it is no address of the web.
    """
    value = _workspace(root).get(REPOSITORY)
    if value is None:
        return None
    if not isinstance(value, str) or not value.startswith("https://") or not value.isprintable():
        raise InputError(
            "is no address of a repository",
            file=root / FILE,
            column=REPOSITORY,
            value=value,
            allowed="https://HOST/OWNER/NAME",
        )
    return value.rstrip("/")


def _workspace(root: Path) -> dict[str, Any]:
    """The table ``[workspace]``; empty without the file."""
    file = root / FILE
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("workspace", {})
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is no TOML ({error})", file=file) from None
    if not isinstance(found, dict):
        raise InputError("is no table", file=file, column="workspace", value=found)
    return found
