"""Move a workspace to another engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli import exit_codes
from scaling.cli.commands._options import PIPELINE, Flows, Json, Wheel, answer

PANEL = PIPELINE


def upgrade(
    to: Annotated[
        str | None,
        typer.Argument(help="Version or wheel to install first. Default: what is installed."),
    ] = None,
    schedule: Flows = False,
    wheel: Wheel = None,
    as_json: Json = False,
) -> None:
    """Move the workspace to the installed engine, or install one and move to that."""
    if to is not None:
        raise typer.Exit(_install(to, schedule=schedule, as_json=as_json))
    from scaling.workspace.upgrade import CONFLICT
    from scaling.workspace.upgrade import upgrade as run

    made = run(Path(), wheel, schedule=schedule)
    (before, old), (after, new) = made.before, made.after
    lines = [f"{name}: {how}" for name, how in made.written.items()]
    lines += [f"{name}: {CONFLICT}: see {path.name}" for name, path in made.conflicts.items()]
    if made.conflicts:
        lines.append("Nothing is moved yet. Edit these files, then run the same again.")
    else:
        lines.append(f"engine {before} (code {old}) -> {after} (code {new})")
        lines.append(f"stages that the next refit runs again: {', '.join(made.stale) or 'none'}")
        lines += made.remarks
    facts = {"before": before, "after": after, "stale": made.stale, "remarks": made.remarks}
    answer(as_json, facts | {"conflicts": sorted(made.conflicts)}, lines)
    if made.conflicts:
        raise typer.Exit(exit_codes.NO)


def _install(to: str, *, schedule: bool, as_json: bool) -> int:
    """Install an engine with its dependencies as they are, and have it move the workspace."""
    from scaling.extras import DISTRIBUTION
    from scaling.workspace.upgrade import check_allowed, version_of

    check_allowed(Path(), version_of(to))
    is_wheel = to.endswith(".whl")
    what = str(Path(to).resolve()) if is_wheel else f"{DISTRIBUTION}=={to}"
    pip = [sys.executable, "-P", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    again = ["--force-reinstall", "--no-deps"] if is_wheel else []
    done = subprocess.run([*pip, *again, what], stdout=sys.stderr)
    if done.returncode:
        return done.returncode
    options = {"--flows": schedule, "--json": as_json}
    command = [sys.executable, "-P", "-m", "scaling", "upgrade"]
    command += [name for name, asked in options.items() if asked]
    return subprocess.run([*command, *(["--wheel", what] if is_wheel else [])]).returncode
