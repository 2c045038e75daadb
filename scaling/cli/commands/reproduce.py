"""Recompute published versions and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli import exit_codes
from scaling.cli.commands._options import TRUST, Json, answer, remark
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
    as_json: Json = False,
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
        results.append(one)
        if not as_json:
            typer.echo(str(one))
    same = sum(one.same for one in results)
    last = f"{same} of {counted(len(results), 'version')} reproduced byte for byte."
    made = [{"version": one.version, "same": one.same, "text": str(one)} for one in results]
    answer(as_json, {"versions": made}, [last] if every else [])
    if not all(one.same for one in results):
        raise typer.Exit(exit_codes.NO)
