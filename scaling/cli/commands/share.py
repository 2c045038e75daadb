"""Push a published version to Git and DVC remotes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli import exit_codes
from scaling.cli.commands._options import PIPELINE, Json, answer
from scaling.errors import InputError

PANEL = PIPELINE


def share(
    git_remote: Annotated[str | None, typer.Option(help="Name of a Git remote.")] = None,
    dvc_remote: Annotated[str | None, typer.Option(help="Name of a DVC remote.")] = None,
    as_json: Json = False,
) -> None:
    """Commit and tag the published version, and push it to the named remotes."""
    from scaling.orchestration.project_lock import hold_project
    from scaling.orchestration.sharing.push import ShareError
    from scaling.orchestration.sharing.push import share as run
    from scaling.record.versions.fingerprint import fingerprint
    from scaling.record.versions.store import is_published

    root = Path().resolve()
    if not is_published(root):
        raise InputError("the present outputs are not published", hint="Run `scaling refit`.")
    try:
        with hold_project(root):
            version = fingerprint(root).version
            done = run(root, version, git_remote, dvc_remote)
    except ShareError as error:
        typer.echo(error, err=True)
        raise typer.Exit(exit_codes.NO) from None
    answer(as_json, {"version": version, "done": list(done)}, done or ["already shared"])
