"""Check what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST
from scaling.errors import InputError

PANEL = TRUST


def verify(
    edition: Annotated[
        Path | None,
        typer.Argument(help="Folder of a redacted edition to check, instead of the project."),
    ] = None,
    disclosed: Annotated[
        Path | None, typer.Option(help="Proof that something belongs to the edition.")
    ] = None,
    full: Annotated[
        Path | None, typer.Option(help="Folder of the full version, to compare with.")
    ] = None,
) -> None:
    """Check every published version, or a redacted edition without anything else.

    Inputs that differ from Git are named too.
    """
    if edition is not None:
        from scaling.cli.display.edition import verified

        problems, good = verified(edition, disclosed, full)
    elif disclosed or full:
        raise InputError("no edition given", allowed="the folder of a redacted edition")
    else:
        from scaling.record.editions.verify import check_all
        from scaling.record.reproduce.git_state import changed
        from scaling.record.versions.check import verify as run

        for line in changed(Path()):
            typer.echo(line, err=True)
        problems, good = run(Path()) + check_all(Path()), ["Every published version is whole."]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo("\n".join(good))
