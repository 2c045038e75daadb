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
    engine: Annotated[
        Path | None,
        typer.Option(help="Wheel of the engine that made a workspace's version; implies --lock."),
    ] = None,
) -> None:
    """Run the code of a version's commit again, apart from what was published, and compare.

    It runs code of the publisher: in a sandbox where the system has bubblewrap, after a list of
    what in it differs from the code that runs this command.
    """
    from scaling.record.reproduce import reproduce as module

    if every == (version is not None):
        allowed = "a version, or --all"
        raise InputError("which version?", value=version, allowed=allowed)
    wanted = module.every(Path().resolve()) if version is None else [version]
    results = []
    for one in module.reproduce(Path().resolve(), wanted, lock=lock, wheel=engine, say=remark):
        typer.echo(str(one))
        results.append(one)
    if every:
        same = sum(one.same for one in results)
        typer.echo(f"{same} of {counted(len(results), 'version')} reproduced byte for byte.")
    if not all(one.same for one in results):
        raise typer.Exit(1)
