"""What verbs of ``scaling pull`` share: where runs go, and what is said of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.cli.commands._inbox import changing_inbox
from scaling.cli.commands._options import answer, working
from scaling.errors import InputError, counted

if TYPE_CHECKING:
    from scaling.runs.inbox.add import Added
    from scaling.runs.inbox.mapping import Options
    from scaling.runs.inbox.pull import Fetch
    from scaling.runs.servers import Pulled

Out = Annotated[
    Path | None,
    typer.Option(help="Write the runs into this file, which every verb reads, and add nothing."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which runs would be pulled.")]


def pulling(
    fetch: Fetch,
    source: str,
    ending: str,
    options: Options,
    out: Path | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Pull into the file ``out``, or into the source, and say what became of each run."""
    from scaling.runs.inbox.mapping import Options as Nothing

    if out is not None:
        if not out.name.endswith(ending):
            hint = "Every verb that takes a table of runs reads it."
            raise InputError("--out", value=out.name, allowed=f"a name in {ending}", hint=hint)
        if options != Nothing():
            hint = "Give --map and --metric to the verb that reads the file."
            raise InputError("--out writes what the server has", hint=hint)
        with working("Pulling", quiet=as_json):
            found, added = fetch(out, []), None
    else:
        with changing_inbox(track=not dry_run), working("Pulling", quiet=as_json):
            found, added = _into_source(fetch, source, ending, options, dry_run)
    facts = {
        "out": None if out is None else str(out),
        "dry_run": dry_run,
        "pulled": asdict(found) | {"runs": found.runs},
        "added": None if added is None else asdict(added),
    }
    answer(as_json, facts, _lines(found, added, out, dry_run))


def _into_source(
    fetch: Fetch, source: str, ending: str, options: Options, dry_run: bool
) -> tuple[Pulled, Added | None]:
    from datetime import UTC, datetime

    from scaling.cli.display.outlook import outlook
    from scaling.runs.inbox.pull import pull

    today = datetime.now(UTC).date()
    return pull(fetch, source, ending, options, today=today, judge=outlook, dry_run=dry_run)


def _lines(found: Pulled, added: Added | None, out: Path | None, dry_run: bool) -> list[str]:
    taken = counted(len(found.taken), "run")
    how = f"{taken} to pull" if dry_run else f"{taken} pulled, {counted(found.values, 'value')}"
    lines = [
        f"{found.server}: {counted(found.runs, 'run')}",
        f"{how}; {found.unchanged} unchanged; {len(found.left_out)} left out",
        *(f"left out: {one}" for one in found.left_out),
        *found.remarks,
    ]
    if dry_run:
        return [*lines, "nothing was pulled: the server was only asked what it has"]
    if added is not None:
        verb = "added to" if added.new else "is in"
        return [*lines, *added.remarks, f"{verb} source {added.source}, published as {added.alias}"]
    return lines if out is None else [*lines, f"written to {out}"]
