"""The command that takes a team's own runs in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE
from scaling.errors import InputError

Given = Annotated[Path, typer.Argument(help="File, or a tracker's folder.")]
As = Annotated[str | None, typer.Option("--as", help="Source to add it to. Default: its name.")]
Many = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(rich_help_panel=PIPELINE)(add)


def add(
    path: Given,
    name: As = None,
    maps: Annotated[
        Many, typer.Option("--map", help="OURS=THEIRS[:UNIT]: where a column comes from.")
    ] = None,
    metric: Annotated[
        Many, typer.Option(help="THEIRS=KIND@DATASET:UNIT[:TO]: a metric and its unit.")
    ] = None,
    sets: Annotated[Many, typer.Option("--set", help="OURS=VALUE: the same in every row.")] = None,
    ignore: Annotated[
        Many, typer.Option(help="A name that is not wanted, or a pattern: config.*")
    ] = None,
    rows: Annotated[
        str | None, typer.Option(help="Checkpoints of a tracker's run: every or final.")
    ] = None,
    bytes_per_token: Annotated[
        float | None, typer.Option(help="Tokenizer's rate, to turn per byte into per token.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take runs that are not whole, flagged.")
    ] = False,
    correct: Annotated[
        bool, typer.Option("--correct", help="A run of this name with another recipe is the same.")
    ] = False,
) -> None:
    """Take runs in: a table or a tracker's files, through a mapping that is remembered."""
    from datetime import UTC, datetime

    from scaling.io import atomic
    from scaling.runs.inbox.add import add as run
    from scaling.runs.inbox.mapping import Options

    if not Path("params.yaml").is_file():
        raise InputError("no params.yaml here", hint="Run from the top of the project.")
    options = Options(maps or (), metric or (), sets or (), ignore or (), rows, bytes_per_token)
    with atomic.locked(Path(), waiting=_waiting):
        today = datetime.now(UTC).date()
        made = run(path, name, options, today=today, partial=partial, correct=correct)
        _track()
    typer.echo("\n".join(made.said))
    verb = "added to" if made.new else "is"
    typer.echo(f"{path} {verb} source {made.source}, published as {made.alias}")


def _waiting() -> None:
    typer.echo("another command works here; waiting for it to end", err=True)


def _track() -> None:
    """Hand the store to DVC. Its file has no name in it but the store's own."""
    from scaling.runs.inbox.add import INTERNAL
    from scaling.runs.inbox.store import STORE

    if not Path(".dvc").is_dir() or not (INTERNAL / STORE).is_dir():
        return
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "add", "--quiet"]
    done = subprocess.run(
        [*command, str(INTERNAL / STORE)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        hint = "The runs are in the inbox. Run the same command again when DVC works."
        raise InputError(f"DVC did not take the inbox: {said}", hint=hint)
