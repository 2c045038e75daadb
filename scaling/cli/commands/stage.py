"""Run one stage of the pipeline: what a workspace's dvc.yaml calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE, Json, answer

PANEL = PIPELINE
HIDDEN = True


def stage(
    name: Annotated[str, typer.Argument(help="Name of the stage in dvc.yaml.")],
    study: Annotated[
        str | None, typer.Argument(help="Study, of a stage that has one each.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run one stage here, as DVC does; the engine must be the workspace's own."""
    from scaling.record.versions import engine_file
    from scaling.workspace import stages

    engine_file.check(Path())
    status = stages.run(name, study)
    answer(as_json, {"exit_code": status}, [])
    if status:
        raise typer.Exit(status)
