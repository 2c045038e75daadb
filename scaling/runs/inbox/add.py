"""Adding a file to the inbox: checked in full first, then kept, then logged. All or nothing.

The order of writing makes a kill harmless: the payload is renamed into place, the mapping gets its
version, and last the log gets its line, which alone makes the addition count. The same command run
again then does what is left and ends with the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.io import atomic
from scaling.runs.formats import days, flag, format_of, heeded, read_batches
from scaling.runs.inbox import store
from scaling.runs.inbox.aliases import FILE as NAMES
from scaling.runs.inbox.aliases import Names, read_names, with_all, write_names
from scaling.runs.inbox.contents import against, contents, part_to_be
from scaling.runs.inbox.mapping import (
    Mapping,
    Options,
    amended,
    facts,
    read_versions,
    set_option,
    with_facts,
    without,
    write_versions,
)
from scaling.runs.inbox.merge import Part, merged
from scaling.runs.inbox.our_columns import day_columns
from scaling.runs.inbox.read import part_of, source_rows
from scaling.runs.inbox.staging import Staged, staged
from scaling.runs.inbox.store import Line

# From the rows of a source as they will be, the source and the payload that is added, in words.
Judge = Callable[[pl.DataFrame, str, str], list[str]]

INTERNAL = Path("data/internal")
PUBLISHED = Path("data/published")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# What stands for a source in everything that is published.
_ALIAS = re.compile(r"internal-[0-9]+")


@dataclass
class Added:
    """What became of an addition; ``new`` is false when everything was there already.

    ``left_out`` counts the results that do not count, by the reason.
    """

    source: str
    alias: str
    new: bool
    remarks: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)


def add(
    path: Path,
    name: str | None = None,
    options: Options | None = None,
    *,
    today: date,
    partial: bool = False,
    correct: bool = False,
    internal: Path = INTERNAL,
    judge: Judge | None = None,
    dry_run: bool = False,
) -> Added:
    """Add the file or folder to a source of the inbox, and remember how it is read.

    ``today`` is the day that the log notes. With ``partial``, runs whose history is short come in
    flagged; with ``correct``, a run may come back with another recipe. ``judge`` says what will
    become of the rows; with ``dry_run`` that and all else is said, and nothing is changed.

    Raises:
        InputError: the file cannot be read, its mapping leaves questions open, or its runs
            are not whole; nothing was changed then.
    """
    source = checked_name(name or _stem(path), path)
    if not path.exists():
        raise InputError("no such file", file=path)
    _refuse_inside(path, internal)
    internal.mkdir(parents=True, exist_ok=True)
    with atomic.locked(internal):
        for folder in (internal, internal / store.STORE, internal / store.STORE / source):
            atomic.remove_leftovers(folder)
        with staged(path, internal) as copy:
            chosen = _Choices(options or Options(), today, partial, correct, judge, dry_run)
            return _added(copy, source, chosen, internal)


@dataclass(frozen=True)
class _Choices:
    options: Options
    today: date
    partial: bool
    correct: bool
    judge: Judge | None
    dry_run: bool


def _added(staged: Staged, source: str, chosen: _Choices, internal: Path) -> Added:
    folder = internal / store.STORE / source
    versions, lines = read_versions(folder), store.read_log(folder)
    payload = store.digest(staged.folder)
    known = [one for one in store.in_force(lines, None) if one.payload == payload]
    own = versions[known[0].mapping - 1] if known else None
    mapping, applied = _mapping(staged.place, versions, own, chosen.options)
    mapping = _with_date_format(staged.place, mapping, applied)
    number = len(versions) if versions and versions[-1] == mapping else len(versions) + 1
    line = Line(_later(chosen.today, lines), payload, staged.path, number)
    if own == mapping:
        return _nothing(source, internal, "this file is there already, read in the same way")
    names = _names(source, folder, bool(lines))
    found = contents(staged, mapping, chosen.partial, chosen.today, names)
    others = [one for one in store.in_force(lines, None) if one.payload != payload]
    parts = [part_of(folder, one, versions) for one in others]
    news = _news(staged, source, mapping, line, parts, chosen)
    if others and not known and not news.changes:
        return _nothing(source, internal, "every row is there already")
    made = Added(source, "", True, [*found.remarks, *applied, *news.remarks], found.left_out)
    if not chosen.dry_run:
        versions = [*versions, mapping] if number > len(versions) else versions
        _commit(staged, folder, versions, line, found.names)
    return replace(made, alias=store.aliases(internal).get(source, source))


@dataclass(frozen=True)
class _News:
    """What changes, and that with what becomes of the rows."""

    changes: list[str]
    remarks: list[str]


def _news(
    staged: Staged,
    source: str,
    mapping: Mapping,
    line: Line,
    others: list[Part],
    chosen: _Choices,
) -> _News:
    """What is new beside other files, and what will become of it."""
    if not others and chosen.judge is None:
        return _News([], [])
    form, part = format_of(staged.place), part_to_be(staged, mapping, line)
    by_name = form.raw and not form.own_ids and not chosen.correct
    changes = against(others, part, by_name=by_name) if others else []
    said = changes or ["every value is unchanged"] * bool(others)
    if chosen.judge is not None:
        said = [*said, *chosen.judge(merged([*others, part]), source, line.payload)]
    return _News(changes, said)


def _mapping(
    place: Path, versions: list[Mapping], own: Mapping | None, options: Options
) -> tuple[Mapping, list[str]]:
    """How a file is read, and what of it is remembered from others, in words.

    ``own`` is how it was read before. What was said of one file is not said of another.

    Raises:
        InputError: facts of another file that were not given for this one.
    """
    if not versions:
        return amended(Mapping(), options), []
    if own is not None:
        return amended(with_facts(versions[-1], own), options), []
    said, form = facts(versions[-1]), format_of(place)
    known = replace(versions[-1], reading=heeded(versions[-1].reading, form))
    mapping = amended(without(known, said), options)
    given = {set_option(text)[0] for text in options.sets} | set(mapping.columns)
    filled = set() if form.raw else set(next(read_batches(place, mapping.reading)).columns)
    open_facts = [text for ours, text in said.items() if ours not in given | filled]
    if open_facts:
        raise InputError(
            f"what was said of another file does not hold for this one: {', '.join(open_facts)}",
            hint="Give each for this file, by --set or --map; --set NAME= for none.",
        )
    remembered = [f"--set {k}={v}" for k, v in mapping.constants.items() if k not in given]
    remembered += ["--rows final"] * (mapping.rows == "final" and options.rows is None)
    if mapping.bytes_per_token and not options.bytes_per_token:
        remembered.append(f"--bytes-per-token {mapping.bytes_per_token:g}")
    kept = known.reading.given().items() - options.reading.given().items()
    remembered += [f"{flag(name)} {value}" for name, value in sorted(kept)]
    remarks = [f"remembered of this source: {', '.join(remembered)}"] * bool(remembered)
    taken = [f"{ours} (not {text})" for ours, text in said.items() if ours in filled - given]
    return mapping, remarks + [f"the file's own column: {', '.join(taken)}"] * bool(taken)


def _with_date_format(place: Path, mapping: Mapping, said: list[str]) -> Mapping:
    """The mapping with the format of the file's days, where they prove one.

    Raises:
        InputError: days that leave open which number is the day.
    """
    if mapping.reading.date_format is not None or format_of(place).raw:
        return mapping
    for cells in day_columns(next(read_batches(place, mapping.reading)), mapping):
        try:
            proved = days.proved_format(cells)
        except InputError as error:
            raise error.at(place) from None
        if proved is not None:
            form, cell = proved
            said.append(f"days are read as {form}, which {cell!r} in {cells.name!r} shows")
            return replace(mapping, reading=replace(mapping.reading, date_format=form))
    return mapping


def _names(source: str, folder: Path, has_rows: bool) -> Names:
    """The names that the source has given so far, and those of its rows that were not kept."""
    names = read_names(folder) or {"source": [source]}
    if (folder / NAMES).is_file() or not has_rows:
        return names
    return with_all(names, source_rows(folder, None))


def _commit(
    staged: Staged, folder: Path, versions: list[Mapping], line: Line, names: Names
) -> None:
    """Keep the payload, the names and the mapping, then the line that makes them count."""
    (folder / store.PAYLOADS).mkdir(parents=True, exist_ok=True)
    store.give_alias(folder.parents[1], folder.name)
    target = folder / store.PAYLOADS / line.payload
    if not target.exists():
        atomic.sync_tree(staged.folder)
        atomic.rename(staged.folder, target)
    write_names(folder, names)
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


def _stem(path: Path) -> str:
    return path.resolve().name.split(".")[0].lower()


def checked_name(name: str, path: Path) -> str:
    """The name of a source. Raises InputError for one that can be none."""
    if not _NAME.fullmatch(name) or _ALIAS.fullmatch(name):
        allowed = "small letters, digits, '.', '_' and '-', and not internal-NUMBER"
        hint = "Name the source with --as NAME."
        raise InputError(
            "is not a name for a source", file=path, value=name, allowed=allowed, hint=hint
        )
    if (PUBLISHED / name).is_dir():
        raise InputError("the name of a published source", value=name, hint="Choose another --as.")
    return name


def _refuse_inside(path: Path, internal: Path) -> None:
    above = path.resolve().parents
    if internal.resolve() in above and (internal / store.PULLED).resolve() not in above:
        hint = "Move it out of the inbox and add it from there."
        raise InputError("lies in the inbox", file=path, hint=hint)
