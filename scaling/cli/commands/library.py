"""The library of published runs, thresholds and public models."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import LOOK

PANEL = LOOK
GROUP = typer.Typer(no_args_is_help=True, help="Take data of the library into the workspace.")


@GROUP.command()
def add(
    names: Annotated[
        list[str], typer.Argument(help="Sources of `scaling sources`, thresholds, or trends.")
    ],
) -> None:
    """Copy sources, thresholds or trends into this workspace, so that versions rest on them."""
    from scaling.cli.commands._root import root_here
    from scaling.workspace.library import add as run

    for name in names:
        folder, day = run(root_here(), name)
        typer.echo(f"{folder}: from the library of {day}")
