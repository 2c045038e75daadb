"""Files of the library: the workspace's own first, else those of the package ``scaling-library``.

Only look-ups read the package. What a version is made of stands in the workspace, so that it can be
reproduced without; `scaling library add` copies it there.
"""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

from scaling.errors import InputError

PACKAGE, DISTRIBUTION = "scaling_library", "scaling-library"
DATA = Path("data")
PARTS = ("published", "thresholds", "trends")


def found(path: Path) -> Path:
    """The path, or where the package has the same file or folder when it is not there."""
    if path.exists() or path.parts[:1] != DATA.parts or len(path.parts) < 2:
        return path
    folder = package()
    return path if folder is None else folder.joinpath(*path.parts[1:])


def package() -> Path | None:
    """The folder of the installed package; None without it."""
    spec = importlib.util.find_spec(PACKAGE)
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    return Path(places[0]) if places else None


def version() -> str:
    """The version of the installed package, a day.

    Raises:
        InputError: it is not installed.
    """
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        hint = f"python -m pip install {DISTRIBUTION}"
        raise InputError("the library is not installed", hint=hint) from None
