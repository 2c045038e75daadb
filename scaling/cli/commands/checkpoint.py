"""Print what stands for the whole record at this moment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Json, print_json, remark

PANEL = TRUST


def checkpoint(
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Do not sign it, though Git has a key.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print a line a ledger that stands for every version in it, to be kept by others.

    Signed where Git has a key (user.signingkey). `scaling verify --since FILE` later proves that
    nothing before it changed; two people who compare the line notice a record that was rewritten.
    """
    from scaling.record.versions import checkpoint as of

    text = of.text(Path())
    signed = None if unsigned else of.signed(Path(), text)
    if as_json:
        print_json({"checkpoint": signed or text, "signed": signed is not None})
    else:
        typer.echo(signed or text, nl=False)
    if signed is None and not unsigned:
        remark("Not signed: Git has no key (user.signingkey).")
