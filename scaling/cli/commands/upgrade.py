"""Move a workspace to another engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE

PANEL = PIPELINE


def upgrade(
    to: Annotated[
        str | None,
        typer.Argument(help="Version or wheel to install first. Default: what is installed."),
    ] = None,
) -> None:
    """Move the workspace to the installed engine, or install one and move to that."""
    if to is not None:
        raise typer.Exit(_install(to))
    from scaling.workspace.upgrade import CONFLICT
    from scaling.workspace.upgrade import upgrade as run

    made = run(Path())
    for name, how in made.written.items():
        typer.echo(f"{name}: {how}")
    for name, beside in made.conflicts.items():
        typer.echo(f"{name}: {CONFLICT}: see {beside.name}", err=True)
    if made.conflicts:
        typer.echo("Nothing is moved yet. Edit these files, then run the same again.", err=True)
        raise typer.Exit(1)
    (before, old), (after, new) = made.before, made.after
    typer.echo(f"engine {before} (code {old}) -> {after} (code {new})")
    stale = ", ".join(made.stale) or "none"
    typer.echo(f"stages that the next refit runs again: {stale}")


def _install(to: str) -> int:
    """Install an engine with its dependencies as they are, and have it move the workspace."""
    from scaling.extras import DISTRIBUTION

    what = str(Path(to)) if to.endswith(".whl") else f"{DISTRIBUTION}=={to}"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    again = ["--force-reinstall", "--no-deps"] if to.endswith(".whl") else []
    done = subprocess.run([*pip, *again, what])
    if done.returncode:
        return done.returncode
    return subprocess.run([sys.executable, "-P", "-m", "scaling", "upgrade"]).returncode
