"""Show how the files of a source are read, and change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling.cli.commands._inbox import (
    BytesPerToken,
    Ignore,
    Many,
    MapColumns,
    MapMetrics,
    SetValues,
    WhichRows,
    changing_inbox,
)
from scaling.cli.commands._options import PIPELINE, Json, answer, read_options

if TYPE_CHECKING:
    from scaling.runs.inbox.remap import Change
    from scaling.runs.inbox.sources import KnownSource

PANEL = PIPELINE


def mapping(
    source: Annotated[str, typer.Argument(help="Name or alias of a source that was added.")],
    maps: MapColumns = None,
    metric: MapMetrics = None,
    sets: SetValues = None,
    ignore: Ignore = None,
    rows: WhichRows = None,
    bytes_per_token: BytesPerToken = None,
    unmap: Annotated[
        Many,
        typer.Option(help="Drop what is said of a column, metric or ignored name; repeat."),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the last change back; repeat for those before it.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show how a source's files are read, or change it for all of them from the next refit on.

    The change is recorded, and the files stay as they are. Either way it says how many rows will
    pass the checks.
    """
    from datetime import UTC, datetime

    from scaling.errors import InputError
    from scaling.runs.inbox import remap
    from scaling.runs.inbox.mapping import Options
    from scaling.runs.inbox.sources import find

    options = Options(
        *(maps or (), metric or (), sets or (), ignore or ()),
        rows=rows,
        bytes_per_token=bytes_per_token,
        reading=read_options(),
    )
    amends = options != Options() or bool(unmap)
    if undo and amends:
        raise InputError("--undo takes no other change along")
    known = find(source)
    if known.folder is None:
        hint = "It is read in our columns; edit its table and source.yaml in Git."
        raise InputError("a published source has no mapping", value=source, hint=hint)
    if not undo and not amends:
        answer(as_json, *_show(known))
        return
    with changing_inbox(track=not dry_run):
        today = datetime.now(UTC).date()
        change = (
            remap.undo(known.folder, today)
            if undo
            else remap.amend(known.folder, options, unmap or (), today)
        )
        facts, lines = _report(known, change)
        if change is not None and not dry_run:
            change.write()
    if dry_run:
        lines += ["Nothing was changed (--dry-run)."] * (change is not None)
    elif change is not None:
        lines.append("Run: scaling refit")
        lines += [] if undo else [f"To take it back: scaling mapping {known.name} --undo"]
    answer(as_json, facts | {"dry_run": dry_run}, lines)


Said = tuple[dict[str, Any], list[str]]


def _show(known: KnownSource) -> Said:
    """The newest mapping, which file is read by which version, and what becomes of the rows."""
    import polars as pl

    from scaling.cli.display.outlook import outlook
    from scaling.runs.inbox.mapping import as_options, read_versions
    from scaling.runs.inbox.read import source_rows
    from scaling.runs.inbox.store import in_force, read_log

    assert known.folder is not None
    versions, log = read_versions(known.folder), read_log(known.folder)
    numbers = sorted({len(versions), *(line.mapping for line in in_force(log, None))})
    options = {number: list(as_options(versions[number - 1])) for number in numbers}
    lines = [f"{known.name}, published as {known.alias}"]
    for number, listed in options.items():
        lines += [f"version {number} of the mapping:", *(f"  {one}" for one in listed)]
    for line in log:
        back = "" if line.undoes is None else ", an undo"
        what = "added" if line.change is None else f"read anew (change {line.change}{back})"
        lines.append(f"{line.recorded} {line.path} {what}, version {line.mapping}")
    found = outlook(pl.concat(source_rows(known.folder, None)), known.name)
    lines.append("At the next refit " + "\n".join(found))
    facts = {"source": known.name, "alias": known.alias, "outlook": found}
    files = [{"file": line.path, "version": line.mapping} for line in log]
    return {**facts, "versions": {str(n): one for n, one in options.items()}, "files": files}, lines


def _report(known: KnownSource, change: Change | None) -> Said:
    """What a change says otherwise, and what becomes of the rows."""
    from scaling.cli.display.outlook import outlook
    from scaling.runs.inbox.mapping import as_options, read_versions
    from scaling.runs.inbox.store import in_force, read_log

    assert known.folder is not None
    named = {"source": known.name, "alias": known.alias}
    if change is None:
        same = [f"{known.name}: nothing to do, its files are read so already"]
        return {**named, "changed": False, "files": [], "outlook": []}, same
    old = {line.payload: line for line in in_force(read_log(known.folder), None)}
    versions = read_versions(known.folder)
    lines, files = [], []
    for line in change.lines:
        was = list(as_options(versions[old[line.payload].mapping - 1]))
        now = list(as_options(change.versions[line.mapping - 1]))
        gone, new = [one for one in was if one not in now], [one for one in now if one not in was]
        files.append({"file": line.path, "removed": gone, "added": new})
        lines += [f"{line.path}:", *(f"  - {one}" for one in gone), *(f"  + {one}" for one in new)]
    found = outlook(change.rows, known.name)
    lines.append(change.difference or "every result stays as it is")
    lines.append("At the next refit " + "\n".join(found))
    return {**named, "changed": True, "files": files, "outlook": found}, lines
