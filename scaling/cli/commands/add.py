"""Add a team's own runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE
from scaling.errors import InputError

PANEL = PIPELINE


Given = Annotated[Path, typer.Argument(help="A table, or a tracker's file or folder.")]
As = Annotated[
    str | None, typer.Option("--as", help="Name of the source. Default: the file's name.")
]
Many = list[str] | None


def add(
    path: Given,
    name: As = None,
    maps: Annotated[
        Many, typer.Option("--map", help="OURS=THEIRS[:UNIT]: their column for ours; repeat.")
    ] = None,
    metric: Annotated[
        Many, typer.Option(help="THEIRS=KIND@DATASET:UNIT[:TO]: a metric and its unit; repeat.")
    ] = None,
    sets: Annotated[
        Many,
        typer.Option("--set", help="OURS=VALUE: a value for every row of this file; repeat."),
    ] = None,
    ignore: Annotated[
        Many, typer.Option(help="Column or pattern to leave out, as in config.*; repeat.")
    ] = None,
    rows: Annotated[
        str | None, typer.Option(help="Which checkpoints of a tracker's run: every or final.")
    ] = None,
    bytes_per_token: Annotated[
        float | None,
        typer.Option(help="Bytes per token of the tokenizer, to convert loss per byte."),
    ] = None,
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
) -> None:
    """Add runs: a table or a tracker's files, read through a mapping that is remembered."""
    from datetime import UTC, datetime

    from scaling.io import atomic
    from scaling.runs.inbox.add import add as run
    from scaling.runs.inbox.mapping import Options
    from scaling.runs.validation.prospects import prospects

    if not Path("params.yaml").is_file():
        raise InputError("no params.yaml here", hint="Run this in the project's folder.")
    options = Options(maps or (), metric or (), sets or (), ignore or (), rows, bytes_per_token)
    with atomic.locked(Path(), waiting=_waiting):
        today = datetime.now(UTC).date()
        made = run(
            path,
            name,
            options,
            today=today,
            partial=partial,
            correct=correct,
            judge=prospects,
            dry_run=dry_run,
        )
        if not dry_run:
            _track()
    typer.echo("\n".join(made.remarks))
    if dry_run:
        typer.echo(f"nothing was added: {path} was only looked at, for source {made.source}")
        return
    verb = "added to" if made.new else "is"
    typer.echo(f"{path} {verb} source {made.source}, published as {made.alias}")


def _waiting() -> None:
    typer.echo("another command is running here; waiting for it to finish", err=True)


def _track() -> None:
    """Have DVC track the store; its file names no source."""
    from scaling.runs.inbox.add import INTERNAL
    from scaling.runs.inbox.store import STORE

    if not Path(".dvc").is_dir() or not (INTERNAL / STORE).is_dir():
        return
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "add", "--quiet"]
    done = subprocess.run(
        [*command, str(INTERNAL / STORE)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        output = done.stderr.strip() or done.stdout.strip()
        hint = "The runs are in the inbox. Run the same command again once DVC works."
        raise InputError(f"DVC could not add the inbox: {output}", hint=hint)
