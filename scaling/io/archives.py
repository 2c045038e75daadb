"""Archives are unpacked into their folder, and nowhere else."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack every member into ``folder``, as the standard library's filter ``data`` does.

    Python 3.11 has that filter from 3.11.4 on; before, files, folders and links that stay inside
    are unpacked, and nothing else.

    Raises:
        tarfile.TarError: a member that leads outside, or that is no file, folder or link.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
        return
    members = archive.getmembers()
    for one in members:
        if not _stays_inside(one):
            raise tarfile.TarError(f"{one.name!r} is not a file or link inside of the archive")
    for one in members:
        one.mode = (one.mode | 0o600) & 0o755 if not one.isdir() else 0o755
        archive.extract(one, folder, set_attrs=one.isreg())


def _stays_inside(one: tarfile.TarInfo) -> bool:
    if not (one.isreg() or one.isdir() or one.issym()):
        return False
    target = PurePosixPath(one.name).parent / one.linkname if one.issym() else PurePosixPath()
    return _is_below(PurePosixPath(one.name)) and _is_below(target)


def _is_below(path: PurePosixPath) -> bool:
    """Whether the path never leaves the folder that it begins in."""
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return not path.is_absolute()
