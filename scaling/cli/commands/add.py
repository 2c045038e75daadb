"""Add a team's own runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._inbox import (
    BytesPerToken,
    Ignore,
    Many,
    MapColumns,
    MapMetrics,
    WhichRows,
    changing_inbox,
)
from scaling.cli.commands._options import (
    PIPELINE,
    Json,
    answer,
    from_standard_input,
    read_options,
    working,
)
from scaling.errors import InputError

PANEL = PIPELINE


Given = Annotated[
    Path,
    typer.Argument(help="A table, a log, or a tracker's file or folder. - for standard input."),
]
As = Annotated[
    str | None, typer.Option("--as", help="Name of the source. Default: the file's name.")
]


def add(
    path: Given,
    name: As = None,
    maps: MapColumns = None,
    metric: MapMetrics = None,
    sets: Annotated[
        Many,
        typer.Option("--set", help="OURS=VALUE: a value for every row of this file; repeat."),
    ] = None,
    ignore: Ignore = None,
    rows: WhichRows = None,
    bytes_per_token: BytesPerToken = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Add incomplete runs too, flagged.")
    ] = False,
    correct: Annotated[
        bool,
        typer.Option("--correct", help="Replace runs of the same name that have another recipe."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of the rows.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add runs: a table or a tracker's files, read through a mapping that is remembered."""
    from datetime import UTC, datetime

    from scaling.cli.display.outlook import outlook
    from scaling.runs.inbox.add import add as run
    from scaling.runs.inbox.mapping import Options

    if path == Path("-") and name is None:
        raise InputError("standard input has no name", hint="Name the source with --as NAME.")
    options = Options(
        *(maps or (), metric or (), sets or (), ignore or ()),
        rows=rows,
        bytes_per_token=bytes_per_token,
        reading=read_options(),
    )
    with (
        changing_inbox(track=not dry_run),
        from_standard_input(path) as file,
        working("Reading and checking", quiet=as_json),
    ):
        today = datetime.now(UTC).date()
        made = run(
            file,
            name,
            options,
            today=today,
            partial=partial,
            correct=correct,
            judge=outlook,
            dry_run=dry_run,
        )
    verb = "added to" if made.new else "is"
    last = (
        f"nothing was added: {path} was only looked at, for source {made.source}"
        if dry_run
        else f"{path} {verb} source {made.source}, published as {made.alias}"
    )
    facts = {"file": str(path), "dry_run": dry_run, **asdict(made)}
    answer(as_json, facts, [*made.remarks, last])
