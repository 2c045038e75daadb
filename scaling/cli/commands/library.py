"""What the library has: laws and data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import LOOK, Maps, Metric, Target


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(rich_help_panel=LOOK)(laws)
    app.command(rich_help_panel=LOOK)(sources)


def laws(
    name: Annotated[str | None, typer.Argument(help="One law, in full.")] = None,
    table: Annotated[
        Path | None, typer.Option("--for", help="Say which laws apply to this table of runs.")
    ] = None,
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
) -> None:
    """List the law families, show one in full, or say which apply to a table and why not."""
    from scaling.cli.display import fits as show

    if table is not None:
        from scaling.cli.commands._table import read

        given = read(table, maps).of_metric(metric, target)
        with given.placed():
            show.show_applicable(given.frame, target, name)
    elif name is None:
        show.show_laws()
    else:
        show.show_law(name)


def sources(
    name: Annotated[str | None, typer.Argument(help="One source, in full.")] = None,
) -> None:
    """List the data sets of the library, or show one in full."""
    from scaling.cli.display.fits import show_source, show_sources

    show_sources() if name is None else show_source(name)
