"""The index page of all versions."""

from __future__ import annotations

from pathlib import Path

import typer

from scaling.cli.commands._options import TRUST

PANEL = TRUST


def site() -> None:
    """Write reports/index.html, the index of all versions; publishing does so too."""
    from scaling.record.site import build

    changed = build(Path())
    for path in changed:
        typer.echo(f"wrote {path.as_posix()}")
    if not changed:
        typer.echo("reports/index.html is up to date.")
