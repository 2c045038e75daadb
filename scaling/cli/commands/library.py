"""The library of published runs, thresholds and public models."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import LOOK, Json, answer

PANEL = LOOK
GROUP = typer.Typer(no_args_is_help=True, help="Take data of the library into the workspace.")


@GROUP.command()
def add(
    names: Annotated[
        list[str], typer.Argument(help="Sources of `scaling sources`, thresholds, or trends.")
    ],
    as_json: Json = False,
) -> None:
    """Copy sources, thresholds or trends into this workspace, so that versions rest on them."""
    from scaling.cli.commands._root import root_here
    from scaling.workspace.library import add as run

    made = [run(root_here(), name) for name in names]
    facts = {"folders": [str(folder) for folder, _ in made], "library": made[-1][1]}
    answer(as_json, facts, [f"{folder}: from the library of {day}" for folder, day in made])
