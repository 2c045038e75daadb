"""Changing how the files of a source are read: looked at in full first, recorded, reversible.

A change makes new versions of the mapping and gives every file a line in the log, so that the files
count as read anew from that day on. To undo it is another line each, back to how each file was read
before; as often as there were changes.
"""

from __future__ import annotations

from collections.abc import Mapping as ByPayload
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.runs.inbox import store
from scaling.runs.inbox.aliases import read_names, with_rows, write_names
from scaling.runs.inbox.mapping import (
    Mapping,
    Options,
    amended,
    read_versions,
    without_names,
    write_versions,
)
from scaling.runs.inbox.merge import compared, merged
from scaling.runs.inbox.read import part_of, parts_of
from scaling.runs.inbox.store import Line


@dataclass(frozen=True)
class Change:
    """A change that can be written.

    Attributes:
        folder: folder of the source in the store.
        versions: every version of the mapping, with the new ones.
        lines: the lines that the log gets, one a file.
        rows: the rows that the files then make, as `scaling.runs.inbox.read.source_rows`.
        difference: what becomes of the results, in words; None where all stay as they are.
    """

    folder: Path
    versions: Sequence[Mapping]
    lines: Sequence[Line]
    rows: pl.DataFrame
    difference: str | None

    def write(self) -> None:
        """Write the versions, then the lines, which alone make them count.

        Runs that are new get their aliases before; those given once stay.
        """
        if (names := read_names(self.folder)) is not None:
            write_names(self.folder, with_rows(names, self.rows))
        write_versions(self.folder, self.versions)
        store.append(self.folder, *self.lines)


def amend(folder: Path, options: Options, drop: Sequence[str], today: date) -> Change | None:
    """The mapping of every file without the names in ``drop`` and with the options laid over it;
    None where that changes nothing.

    Raises:
        InputError: an option that cannot be read, or a file that cannot be read in the new way.
    """
    versions, lines = read_versions(folder), store.read_log(folder)

    def changed(number: int) -> Mapping:
        old = versions[number - 1]
        said = {*old.columns, *old.constants, *old.metrics, *old.ignore}
        # What only the mapping of another file says is no fault of this one.
        names = drop if number == len(versions) else [name for name in drop if name in said]
        return amended(without_names(old, names), options)

    made = {line.payload: changed(line.mapping) for line in store.in_force(lines, None)}
    for line in store.in_force(lines, None):
        # What is asked of a file that is added is asked of one that is read anew.
        for _ in parts_of(line.place(folder), made[line.payload], entering=True):
            pass
    return _change(folder, versions, lines, (made, changed(len(versions))), today)


def undo(folder: Path, today: date) -> Change:
    """Every file read as before the last change that is not undone yet; again, the one before.

    A file that was added again in another way is a change too.

    Raises:
        InputError: no change is left.
    """
    versions, lines = read_versions(folder), store.read_log(folder)
    for rows in reversed(_not_undone(lines)):
        old = {lines[at].payload: one for at in rows if (one := _before(lines, at)) is not None}
        made = {
            line.payload: versions[old.get(line.payload, line).mapping - 1]
            for line in store.in_force(lines, None)
        }
        head = versions[old[lines[rows[-1]].payload].mapping - 1]
        change = _change(folder, versions, lines, (made, head), today, undoes=rows[0] + 1)
        if change is not None:
            return change
    hint = "`scaling remove` withdraws the source; --map and others change its mapping."
    problem = "no change of the mapping is left to undo"
    raise InputError(problem, file=folder / store.LOG, hint=hint)


def _not_undone(lines: Sequence[Line]) -> list[list[int]]:
    """The places in the log of each change that stands, oldest first; undoing is none itself."""
    changes: dict[int, list[int]] = {}
    for at, line in enumerate(lines):
        if line.undoes is None and _before(lines, at) is not None:
            # A file that was added again has no number, and is a change of its own.
            changes.setdefault(-at if line.change is None else line.change, []).append(at)
    undone = {line.undoes for line in lines}
    return [rows for rows in changes.values() if rows[0] + 1 not in undone]


def _before(lines: Sequence[Line], at: int) -> Line | None:
    """The line that an addition or a change took the place of."""
    return next((old for old in reversed(lines[:at]) if old.payload == lines[at].payload), None)


def _change(
    folder: Path,
    versions: list[Mapping],
    lines: list[Line],
    made: tuple[ByPayload[str, Mapping], Mapping],
    today: date,
    undoes: int | None = None,
) -> Change | None:
    """The change that reads each payload in its new way, and what comes next by the last one."""
    own, head = made
    new = list(versions)
    for mapping in (*own.values(), head):
        new += [mapping] if mapping not in new else []
    # The last version reads what comes.
    new += [head] if new[-1] != head else []
    now = store.in_force(lines, None)
    if new == versions and all(own[line.payload] == versions[line.mapping - 1] for line in now):
        return None
    if lines and today < lines[-1].recorded:
        hint = "Set the clock: the log's days must not go back."
        raise InputError("the log is ahead of the clock", value=str(today), hint=hint)
    number = 1 + max((line.change or 0 for line in lines), default=0)
    facts = {"recorded": today, "change": number, "undoes": undoes}
    relogged = [
        replace(line, mapping=new.index(own[line.payload]) + 1, **facts)  # type: ignore[arg-type]
        for line in now
    ]
    before = merged([part_of(folder, line, versions) for line in now])
    after = merged([part_of(folder, line, new) for line in relogged])
    return Change(folder, new, relogged, after, compared(before, after))
