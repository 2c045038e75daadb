"""Copy parts of the library into a workspace, where versions are made from them."""

from __future__ import annotations

from pathlib import Path

from scaling.errors import InputError, nearest
from scaling.io import atomic, library

NOTE = "library.txt"


def add(root: Path, name: str) -> tuple[Path, str]:
    """Copy a published source, ``thresholds`` or ``trends``; the folder, and the library's version.

    What is there already is replaced whole: a later version of the library is taken so.

    Raises:
        InputError: no library is installed, or it has nothing of this name.
    """
    day = library.version()
    folder = library.package()
    assert folder is not None
    sources = sorted(path.name for path in (folder / "published").iterdir() if path.is_dir())
    if name in ("thresholds", "trends"):
        source, target = folder / name, root / library.DATA / name
    elif name in sources:
        source, target = folder / "published" / name, root / library.DATA / "published" / name
    else:
        allowed = ", ".join(["thresholds", "trends", *sources])
        raise InputError(
            "not in the library", value=name, allowed=allowed, hint=nearest(name, sources)
        )
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    note = f"Copied from {library.DISTRIBUTION} {day} by `scaling library add {name}`.\n"
    with atomic.new_folder(target) as beside:
        atomic.fill(beside, files | {NOTE: note.encode()})
    return target, day
