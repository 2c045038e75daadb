"""The command that shows single facts that a redacted edition is bound to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST
from scaling.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(rich_help_panel=TRUST)(disclose)


def disclose(
    edition: Annotated[Path, typer.Argument(help="Folder of a redacted edition.")],
    out: Annotated[Path, typer.Option(help="Where to write the proof.")],
    where: Annotated[
        str | None, typer.Option(help="Rows of which this is true, as in \"run = 'x'\".")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="What an alias stands for; repeat for more.")
    ] = None,
    forecast: Annotated[
        list[str] | None, typer.Option(help="Forecasts of this internal study, by alias.")
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(help="The hash of this file of the full version.")
    ] = None,
    secret: Annotated[Path | None, typer.Option(help="File with the secret.")] = None,
) -> None:
    """Write a proof that rows, names or forecasts belong to a redacted edition."""
    from scaling.io import atomic
    from scaling.record.editions import salt
    from scaling.record.editions.disclose import Wanted
    from scaling.record.editions.disclose import disclose as run

    wanted = Wanted(where, name or (), forecast or (), file or ())
    if wanted == Wanted():
        allowed = "--where, --name, --forecast or --file"
        raise InputError("nothing was named that is to be shown", allowed=allowed)
    content = run(Path(), edition, salt.read(secret, Path()), wanted)
    atomic.write(out, content)
    typer.echo(f"wrote {out}; whoever has it sees what it shows. `scaling verify` checks it.")
