"""Print what stands for the whole record at this moment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST

PANEL = TRUST


def checkpoint(
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Do not sign it, though Git has a key.")
    ] = False,
) -> None:
    """Print a line a ledger that stands for every version in it, to be kept by others.

    Signed where Git has a key (user.signingkey). `scaling verify --since FILE` later proves that
    nothing before it changed; two people who compare the line notice a record that was rewritten.
    """
    from scaling.record.versions import checkpoint as of

    text = of.text(Path())
    signed = None if unsigned else of.signed(Path(), text)
    typer.echo(signed or text, nl=False)
    if signed is None and not unsigned:
        typer.echo("Not signed: Git has no key (user.signingkey).", err=True)
