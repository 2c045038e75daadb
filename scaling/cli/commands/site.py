"""The commands that show what was published: the index of all versions, one version in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(rich_help_panel=TRUST)(site)
    app.command(rich_help_panel=TRUST)(show)


def site() -> None:
    """Make reports/index.html, the page over all versions (publishing does this by itself)."""
    from scaling.record.site import build

    changed = build(Path())
    for path in changed:
        typer.echo(f"wrote {path.as_posix()}")
    if not changed:
        typer.echo("reports/index.html is up to date.")


def show(
    version: Annotated[
        str | None,
        typer.Argument(help="The version, or how its id begins; without it the newest."),
    ] = None,
) -> None:
    """Print a published version: its forecasts, and how far to believe them."""
    from scaling.cli.display.version import show_version

    show_version(Path("reports"), version)
