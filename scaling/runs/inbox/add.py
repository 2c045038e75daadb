"""Adding a file to the inbox: checked in full first, then kept, then logged. All or nothing.

The order of writing makes a kill harmless: the payload is renamed into place, the mapping gets its
version, and last the log gets its line, which alone makes the addition count. The same command run
again then does what is left and ends with the same bytes.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from scaling.errors import InputError, counted, shorten
from scaling.io import atomic
from scaling.runs.formats import format_of
from scaling.runs.inbox import store
from scaling.runs.inbox.complete_lines import NO_LINE_END, open_ended
from scaling.runs.inbox.mapping import Mapping, Options, amended, read_versions, write_versions
from scaling.runs.inbox.merge import Part, accounts, compared, logged_again, merged
from scaling.runs.inbox.read import part_of, rows_of
from scaling.runs.inbox.store import Line

INTERNAL = Path("data/internal")
PUBLISHED = Path("data/published")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# What makes two runs of one name two runs, where the name is not a tracker's own id.
_RECIPE = ("params", "params_non_embedding", "lr", "width", "depth", "batch_tokens", "context")


@dataclass
class Added:
    """What became of an addition; ``new`` is false when everything was there already."""

    source: str
    alias: str
    new: bool
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Staged:
    """A copy of what is to be added: its temporary folder, and what to read in there."""

    given: Path
    folder: Path
    path: str

    @property
    def place(self) -> Path:
        return self.folder / self.path


def add(
    path: Path,
    name: str | None = None,
    options: Options | None = None,
    *,
    today: date,
    partial: bool = False,
    correct: bool = False,
    internal: Path = INTERNAL,
) -> Added:
    """Add the file or folder to a source of the inbox, and remember how it is read.

    ``today`` is the day that the log notes. With ``partial``, runs whose history is short come in
    flagged; with ``correct``, a run may come back with another recipe.

    Raises:
        InputError: the file cannot be read, its mapping leaves questions open, or its runs
            are not whole; nothing was changed then.
    """
    source = _checked_name(name or _stem(path), path)
    if not path.exists():
        raise InputError("no such file", file=path)
    _refuse_inside(path, internal)
    internal.mkdir(parents=True, exist_ok=True)
    with atomic.locked(internal):
        for folder in (internal, internal / store.STORE, internal / store.STORE / source):
            atomic.remove_leftovers(folder)
        with _staged(path, internal) as staged:
            return _added(staged, source, options or Options(), today, partial, correct, internal)


def _added(
    staged: _Staged,
    source: str,
    options: Options,
    today: date,
    partial: bool,
    correct: bool,
    internal: Path,
) -> Added:
    folder = internal / store.STORE / source
    versions, lines = read_versions(folder), store.read_log(folder)
    mapping = amended(versions[-1] if versions else Mapping(), options)
    number = len(versions) if versions and versions[-1] == mapping else len(versions) + 1
    line = Line(_later(today, lines), store.digest(staged.folder), staged.path, number)
    known = [one for one in store.in_force(lines, None) if one.payload == line.payload]
    if known and known[0].mapping == number:
        return _nothing(source, internal, "this file is there already, read in the same way")
    remarks = _checked(staged, mapping, partial, today)
    others = [one for one in store.in_force(lines, None) if one.payload != line.payload]
    if others:
        news = _compared(staged, mapping, line, folder, versions, others, correct)
        if not known and news is None:
            return _nothing(source, internal, "every row is there already")
        remarks += [news or "every value is unchanged"]
    _commit(staged, folder, [*versions, mapping] if number > len(versions) else versions, line)
    alias = store.aliases(internal)[source]
    return Added(source, alias, True, remarks)


def _commit(staged: _Staged, folder: Path, versions: list[Mapping], line: Line) -> None:
    """Keep the payload, then the mapping, then the line that makes both count."""
    (folder / store.PAYLOADS).mkdir(parents=True, exist_ok=True)
    store.give_alias(folder.parents[1], folder.name)
    target = folder / store.PAYLOADS / line.payload
    if not target.exists():
        atomic.sync_tree(staged.folder)
        atomic.rename(staged.folder, target)
    write_versions(folder, versions)
    store.append(folder, line)


def _nothing(source: str, internal: Path, why: str) -> Added:
    alias = store.aliases(internal).get(source, source)
    return Added(source, alias, False, [f"nothing was added: {why}"])


def _later(today: date, lines: list[Line]) -> date:
    if lines and today < lines[-1].recorded:
        hint = "Set the clock: the log's days must not go back."
        raise InputError("the log is ahead of the clock", value=str(today), hint=hint)
    return today


# What is to be added -----------------------------------------------------------------------------


def _stem(path: Path) -> str:
    return path.resolve().name.split(".")[0].lower()


def _checked_name(name: str, path: Path) -> str:
    if not _NAME.fullmatch(name):
        allowed = "small letters, digits, '.', '_' and '-'"
        hint = "Name the source with --as NAME."
        raise InputError(
            "is not a name for a source", file=path, value=name, allowed=allowed, hint=hint
        )
    if (PUBLISHED / name).is_dir():
        raise InputError("the name of a published source", value=name, hint="Choose another --as.")
    return name


def _refuse_inside(path: Path, internal: Path) -> None:
    if internal.resolve() in path.resolve().parents:
        hint = "Move it out of the inbox and add it from there."
        raise InputError("lies in the inbox", file=path, hint=hint)


@contextmanager
def _staged(path: Path, internal: Path) -> Iterator[_Staged]:
    """A copy beside the store; errors about the copy speak of the original."""
    form = format_of(path)
    whole = path.resolve()
    # A tracker without ids calls its runs after the folders that they lie in.
    inside = Path(*whole.parts[-3:]) if form.raw else Path(whole.name)
    folder = Path(tempfile.mkdtemp(prefix=atomic.TEMPORARY, dir=internal))
    staged = _Staged(path, folder, inside.as_posix().lstrip("/"))
    try:
        _refuse_open_database(whole)
        for file in _files(whole, form.needs, form.beside):
            target = staged.place.parent / file.relative_to(whole.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        folder.chmod(0o755)
        yield staged
    except InputError as error:
        named = str(error.file or "")
        if not named.startswith(str(folder)):
            raise error.at(path) from None
        raise _at(error, path, named.removeprefix(str(staged.place)).lstrip("/")) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _at(error: InputError, path: Path, below: str) -> InputError:
    return InputError(
        error.problem,
        file=path / below if below else path,
        row=error.row,
        column=error.column,
        value=error.value,
        allowed=error.allowed,
        hint=error.hint,
    )


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


# What it holds -----------------------------------------------------------------------------------


def _checked(staged: _Staged, mapping: Mapping, partial: bool, today: date) -> list[str]:
    """What was added, in words, once every part of it could be read."""
    results, unparsed, first = 0, 0, None
    parts, early = [], []
    for rows in rows_of(staged.place, mapping, entering=True):
        results += rows.height
        lost = rows.filter(pl.col("unparsed").is_not_null())
        unparsed += lost.height
        first = first or (lost["row"][0], lost["unparsed"][0]) if lost.height else first
        parts += [rows] if "_expected" in rows.columns else []
        # A day more, for today is in UTC.
        early += [rows.filter(pl.col("observed") > today + timedelta(days=1))]
    remarks = [counted(results, "result"), *_too_early(pl.concat(early), today)]
    if unparsed and unparsed == results:
        where = first or (None, "{}")
        raise InputError(f"no row can be read; the first: {_lost(where[1])}", row=where[0])
    if first:
        remarks.append(
            f"{counted(unparsed, 'row')} {'has' if unparsed == 1 else 'have'} cells that cannot be "
            f"read and will go to quarantine; the first is row {first[0]}, {_lost(first[1])}"
        )
    if open_ended(staged.place):
        remarks.append(NO_LINE_END)
    return remarks + (_reconciled(pl.concat(parts), partial) if parts else [])


def _too_early(rows: pl.DataFrame, today: date) -> list[str]:
    """Results of days that have not come, which an audit would take for outcomes."""
    if rows.is_empty():
        return []
    first = f"row {rows['row'][0]}, {rows['observed'][0]}"
    many = counted(rows.height, "result")
    return [
        f"{many} observed after today, {today}, which the refit will hold back (the first: {first})"
    ]


def _lost(unparsed: str) -> str:
    """Cells that cannot be read, in words."""
    cells = list(json.loads(unparsed).items())
    return ", ".join(f"{name} {shorten(text)}" for name, text in cells[:3])


def _reconciled(rows: pl.DataFrame, partial: bool) -> list[str]:
    """A tracker's account of its runs against the rows that came."""
    runs = accounts(rows)
    short = [one for one in runs if one.unended]
    if short and not partial:
        listed = "\n  ".join(str(one) for one in short[:20])
        hint = "Export them again when they have ended, or add --partial to take them flagged."
        raise InputError(
            f"not whole: {len(short)} of {counted(len(runs), 'run')}:\n  {listed}", hint=hint
        )
    remarks = [counted(len(runs), "run")]
    known = [one for one in runs if one.expected is not None]
    if known:
        remarks.append(
            f"of {counted(len(known), 'run')} with a last step in the tracker, "
            f"{len(known) - sum(one.short for one in known)} reach it"
        )
    if short:
        remarks.append(f"{len(short)} are not whole and are flagged")
    again = logged_again(rows)
    return remarks + (
        [f"logged again at the same step: {counted(again, 'row')}, the last counts"] * (again > 0)
    )


def _compared(
    staged: _Staged,
    mapping: Mapping,
    line: Line,
    folder: Path,
    versions: list[Mapping],
    others: list[Line],
    correct: bool,
) -> str | None:
    """What is new against the files that are there; None when nothing is."""
    form = format_of(staged.place)
    parts = [part_of(folder, one, versions) for one in others]
    rows = pl.concat(list(rows_of(staged.place, mapping)))
    rows = rows.with_columns(file=pl.lit(""), payload=pl.lit(line.payload))
    old = merged(parts)
    if form.raw and not form.own_ids and not correct:
        _refuse_namesakes(old, rows)
    new = merged([*parts, Part(rows, line.recorded, form.raw, mapping.rows == "final")])
    return compared(old, new)


def _refuse_namesakes(old: pl.DataFrame, new: pl.DataFrame) -> None:
    """A run that is only known by its name has to have the same recipe to be the same run."""
    recipes = [
        rows.group_by("run", maintain_order=True).agg(pl.col(_RECIPE).drop_nulls().last())
        for rows in (old, new)
    ]
    both = recipes[0].join(recipes[1], on="run", suffix=" now")
    for run in both.iter_rows(named=True):
        for name in _RECIPE:
            before, now = run[name], run[f"{name} now"]
            if before is not None and now is not None and before != now:
                hint = "If it is the same run, add --correct; else rename the new one's folder."
                problem = (
                    f"run {run['run']!r} is there with {name} {before:g}, and not a tracker's id"
                )
                raise InputError(problem, column=name, value=now, hint=hint)
