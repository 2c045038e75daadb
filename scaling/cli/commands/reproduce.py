"""Recompute published versions and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, remark
from scaling.errors import InputError, counted

PANEL = TRUST


def reproduce(
    version: Annotated[str | None, typer.Argument(help="Id of a published version.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every published version.")] = False,
    lock: Annotated[
        bool, typer.Option("--lock", help="In a new environment from the version's own lock file.")
    ] = False,
) -> None:
    """Recompute a version from its commit in a separate worktree and compare byte for byte."""
    from scaling.record.reproduce import reproduce as module

    if every == (version is not None):
        allowed = "a version, or --all"
        raise InputError("which version?", value=version, allowed=allowed)
    wanted = module.every(Path().resolve()) if version is None else [version]
    made = []
    for one in module.reproduce(Path().resolve(), wanted, lock=lock, say=remark):
        typer.echo(str(one))
        made.append(one)
    if every:
        same = sum(one.same for one in made)
        typer.echo(f"{same} of {counted(len(made), 'version')} reproduced byte for byte.")
    if not all(one.same for one in made):
        raise typer.Exit(1)
