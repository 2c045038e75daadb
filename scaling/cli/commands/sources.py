"""The data sets of the library."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import LOOK

PANEL = LOOK


def sources(
    name: Annotated[str | None, typer.Argument(help="Show this source in full.")] = None,
) -> None:
    """List the data sets of the library, or show one in full."""
    from scaling.cli.display.fits import show_source, show_sources

    show_sources() if name is None else show_source(name)
