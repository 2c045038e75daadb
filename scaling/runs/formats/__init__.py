"""Source formats: every file in this folder that does not start with '_' is one.

`read_cells` gives a file's cells as they stand, `read_table` the same with types, `to_schema` puts
cells into the columns of a schema without losing one, `published` lists the sources in Git.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats import _days as days
from scaling.runs.formats._cells import infer, to_schema
from scaling.runs.formats._published import Defect, Source, published, run_table
from scaling.runs.formats._settled import settled
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions, flag, refuse_wide
from scaling.runs.formats._unread import as_what, ending_of, wrong_ending

__all__ = [
    "AS_IT_IS",
    "Defect",
    "Format",
    "ReadOptions",
    "Source",
    "days",
    "ending_of",
    "flag",
    "format_of",
    "heeded",
    "is_claimed",
    "load",
    "published",
    "read_batches",
    "read_cells",
    "read_table",
    "run_table",
    "settled",
    "to_schema",
]

# From this size on a table is read in parts.
LARGE = 64 * 1024**2


@functools.cache
def load() -> dict[str, Format]:
    """All formats by name, in alphabetical order."""
    found: dict[str, Format] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if not info.name.startswith("_"):
            form: Format = importlib.import_module(f"{__name__}.{info.name}").FORMAT
            found[form.name] = form
    return dict(sorted(found.items()))


def format_of(path: Path) -> Format:
    """The format that reads this path.

    Raises:
        InputError: there is none; says what the file looks like, and the nearest that is read.
    """
    for form in sorted(load().values(), key=lambda form: form.recognise is None):
        if form.claims(path):
            return form
    suffixes = " ".join(suffix for form in load().values() for suffix in form.suffixes)
    if path.is_dir():
        raise InputError("no folder of a tracker", file=path, value=_held(path), hint=_inside(path))
    if not path.exists():
        raise InputError("no such file", file=path)
    what, nearest = as_what(path)
    problem = f"unknown format: {what}"
    raise InputError(problem, file=path, value=path.suffix, allowed=suffixes, hint=nearest)


def _held(folder: Path) -> list[str]:
    """The first names in a folder."""
    return sorted(path.name for path in folder.iterdir())[:8]


def _inside(folder: Path) -> str:
    """What in a folder is read, or which folders are."""
    for path in sorted(folder.iterdir()):
        form = next((one for one in load().values() if one.claims(path)), None)
        if form is not None:
            return f"Inside, {path.name} is read ({form.name}); give its path."
    known = (
        form.meaning for form in load().values() if form.recognise and "folder" in form.meaning
    )
    return f"Folders that are read: {'; '.join(known)}."


def is_claimed(path: Path) -> bool:
    """Whether any format reads this path (a folder, for one, may be a tracker's store)."""
    return any(form.claims(path) for form in load().values())


def read_cells(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The cells of a file as it has them: text where the format knows only text.

    Raises:
        InputError: no such file, unknown format, an option that does not belong to it, an empty or
            unreadable file, a table without rows.
    """
    form = _form_of_filled(path, options)
    with _explained(path, form):
        cells = form.read(path, options)
        refuse_wide(cells.width, path)
        if cells.is_empty() or (form.raw and cells["metric"].null_count() == cells.height):
            hint = "Delete the file or fill it."
            raise InputError("the table has no rows", file=path, hint=hint)
    return cells


def read_batches(path: Path, options: ReadOptions = AS_IT_IS) -> Iterator[pl.DataFrame]:
    """As `read_cells`, in parts and in order where the table is large and its format allows."""
    form = _form_of_filled(path, options)
    if form.batches is None or path.is_dir() or path.stat().st_size < LARGE:
        yield read_cells(path, options)
        return
    with _explained(path, form):
        yield from form.batches(path, options)


@contextmanager
def _explained(path: Path, form: Format) -> Iterator[None]:
    """Errors inside say so where the file looks like one of another kind."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    except InputError as error:
        hint = wrong_ending(path, form.suffixes) if path.is_file() and error.row is None else None
        if hint is None:
            raise
        raise error.hinted(hint) from None


def heeded(options: ReadOptions, form: Format) -> ReadOptions:
    """The options that hold for a file of this format; of others, none."""
    kept = {n: v for n, v in options.given().items() if n in form.takes or _holds(n, form)}
    return ReadOptions(**kept, say=options.say)


def _holds(option: str, form: Format) -> bool:
    """Whether an option holds for every table, whatever its format."""
    return option == "date_format" and not form.raw


def _form_of_filled(path: Path, options: ReadOptions) -> Format:
    form = format_of(path)
    for option in options.given():
        if option not in form.takes and not _holds(option, form):
            readers = ", ".join(one.name for one in load().values() if option in one.takes)
            raise InputError(
                f"{flag(option)} says nothing of a file of this format ({form.name})",
                file=path,
                allowed=f"for {readers or 'tables'}",
            )
    if not path.exists():
        raise InputError("no such file", file=path)
    if path.is_file() and path.stat().st_size == 0:
        raise InputError("the file is empty", file=path)
    return form


def read_table(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """A person's own table, with types.

    Columns that the run schema names have its dtypes if every cell parses; elsewhere numbers stay
    numbers and text stays text, to the letter. A column with cells that do not parse stays text.

    Raises:
        InputError: as `read_cells`.
    """
    cells = read_cells(path, options)
    return cells if format_of(path).typed else infer(cells)
