"""Run the pipeline on schedules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE, Json, outcome

PANEL = PIPELINE


def serve(
    only: Annotated[
        list[str] | None, typer.Argument(help="Deployments of prefect.yaml to serve. Default: all.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the embedded server, on 127.0.0.1.")] = 4200,
    seconds: Annotated[float, typer.Option(help="Seconds between two looks at the inbox.")] = 2.0,
    as_json: Json = False,
) -> None:
    """Run the schedules of prefect.yaml on this machine, and refit when the inbox changes."""
    from scaling.orchestration.server.serve import main

    raise typer.Exit(outcome(lambda: main(Path(), port, only or (), seconds), as_json))
