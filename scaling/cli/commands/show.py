"""One published version in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST

PANEL = TRUST


def show(
    version: Annotated[
        str | None,
        typer.Argument(help="A version, or the start of its id. Default: the one that holds."),
    ] = None,
) -> None:
    """Show a published version: its forecasts and how far to trust them."""
    from scaling.cli.display.version import show_version

    show_version(Path("reports"), version)
