"""The commands that show what was published: the index of all versions, one version in words."""

from __future__ import annotations

from pathlib import Path

import typer

PANEL = "Publish and verify"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(rich_help_panel=PANEL)(site)


def site() -> None:
    """Make reports/index.html, the page over all versions (publishing does this by itself)."""
    from scaling.site import build

    changed = build(Path())
    for path in changed:
        typer.echo(f"wrote {path.as_posix()}")
    if not changed:
        typer.echo("reports/index.html is up to date.")
