"""Move a workspace to another engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli import exit_codes
from scaling.cli.commands._options import PIPELINE, Json, answer

PANEL = PIPELINE


def upgrade(
    to: Annotated[
        str | None,
        typer.Argument(help="Version or wheel to install first. Default: what is installed."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Move the workspace to the installed engine, or install one and move to that."""
    if to is not None:
        raise typer.Exit(_install(to))
    from scaling.workspace.upgrade import CONFLICT
    from scaling.workspace.upgrade import upgrade as run

    made = run(Path())
    (before, old), (after, new) = made.before, made.after
    lines = [f"{name}: {how}" for name, how in made.written.items()]
    lines += [f"{name}: {CONFLICT}: see {path.name}" for name, path in made.conflicts.items()]
    if made.conflicts:
        lines.append("Nothing is moved yet. Edit these files, then run the same again.")
    else:
        lines.append(f"engine {before} (code {old}) -> {after} (code {new})")
        lines.append(f"stages that the next refit runs again: {', '.join(made.stale) or 'none'}")
    facts = {"before": before, "after": after, "stale": made.stale}
    answer(as_json, facts | {"conflicts": sorted(made.conflicts)}, lines)
    if made.conflicts:
        raise typer.Exit(exit_codes.NO)


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
