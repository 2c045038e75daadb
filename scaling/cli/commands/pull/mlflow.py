"""Pull from an MLflow tracking server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.cli.commands._inbox import (
    As,
    BytesPerToken,
    Ignore,
    MapColumns,
    MapMetrics,
    SetValues,
    WhichRows,
)
from scaling.cli.commands._options import PIPELINE, Json
from scaling.cli.commands.pull._shared import DryRun, Out, pulling

if TYPE_CHECKING:
    from scaling.runs.servers import Pulled

PANEL = PIPELINE
ANYWHERE = "out"
_ENDING = ".db"


def mlflow(
    uri: Annotated[str, typer.Argument(help="Address of the server: https://HOST[:PORT].")],
    experiment: Annotated[str, typer.Option(help="Name of the experiment.")],
    name: As = None,
    columns: MapColumns = None,
    metric: MapMetrics = None,
    sets: SetValues = None,
    ignore: Ignore = None,
    rows: WhichRows = None,
    bytes_per_token: BytesPerToken = None,
    out: Out = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take the runs of an experiment that are new or changed from an MLflow tracking server.

    The token is MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, in
    the environment. Without --as, the source is called as the experiment.
    """
    from scaling.runs.inbox.mapping import Options
    from scaling.runs.servers.mlflow import pull

    def fetch(file: Path, known: list[Path]) -> Pulled:
        return pull(uri, experiment, file, known, dry_run=dry_run)

    options = Options(
        *(columns or (), metric or (), sets or (), ignore or ()),
        rows=rows,
        bytes_per_token=bytes_per_token,
    )
    source = name or experiment.lower()
    pulling(fetch, source, _ENDING, options, out, dry_run=dry_run, as_json=as_json)
