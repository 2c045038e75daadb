"""One published version in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Json, print_json

PANEL = TRUST


def show(
    version: Annotated[
        str | None,
        typer.Argument(help="A version, or the start of its id. Default: the one that holds."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a published version: its forecasts and how far to trust them."""
    from scaling.cli.display.version import show_version, version_facts

    if as_json:
        print_json(version_facts(Path("reports"), version))
    else:
        show_version(Path("reports"), version)
