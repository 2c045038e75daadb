"""What is to be added, copied beside the store, so that it is read as it will be kept."""

from __future__ import annotations

import fnmatch
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scaling.errors import InputError
from scaling.io import atomic
from scaling.runs.formats import format_of


@dataclass(frozen=True)
class Staged:
    """A copy of what is to be added: its temporary folder, and what to read in there."""

    given: Path
    folder: Path
    path: str

    @property
    def place(self) -> Path:
        return self.folder / self.path


@contextmanager
def staged(path: Path, internal: Path) -> Iterator[Staged]:
    """A copy beside the store; errors about the copy speak of the original."""
    form = format_of(path)
    whole = path.resolve()
    # A tracker without ids calls its runs after the folders that they lie in.
    inside = Path(*whole.parts[-3:]) if form.raw else Path(whole.name)
    # Not by `tempfile`, whose folders are its owner's alone: the store has the modes of the umask.
    folder = internal / f"{atomic.TEMPORARY}{secrets.token_hex(8)}"
    folder.mkdir()
    made = Staged(path, folder, inside.as_posix().lstrip("/"))
    try:
        _refuse_open_database(whole)
        for file in _files(whole, form.needs, form.beside):
            target = made.place.parent / file.relative_to(whole.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        yield made
    except InputError as error:
        named = str(error.file or "")
        if not named.startswith(str(folder)):
            raise error.at(path) from None
        below = named.removeprefix(str(made.place)).lstrip("/")
        raise error.about(path / below if below else path) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files(path: Path, needs: tuple[str, ...], beside: tuple[str, ...]) -> Iterator[Path]:
    """The files to keep, without links to folders (``latest-run`` shows a run twice)."""
    if path.is_file():
        yield path
        yield from (path.with_name(name) for name in beside if path.with_name(name).is_file())
        return
    for base, _, names in os.walk(path):
        for name in sorted(names):
            file = Path(base, name)
            inside = file.relative_to(path).as_posix()
            if file.is_file() and any(fnmatch.fnmatchcase(inside, need) for need in needs):
                yield file


def _refuse_open_database(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    if path.is_file() and log.is_file() and log.stat().st_size > 0:
        hint = "Stop what writes to it (the tracker's server), then add it again."
        size = f"{log.stat().st_size} bytes in {log.name}"
        raise InputError("the database is in use", file=path, value=size, hint=hint)
