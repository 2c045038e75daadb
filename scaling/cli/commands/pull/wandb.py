"""Pull from Weights & Biases."""

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
_ENDING = ".wandb.jsonl"


def wandb(
    path: Annotated[str, typer.Argument(metavar="ENTITY/PROJECT", help="The project.")],
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
    """Take the runs of a project that have ended and are new or changed from Weights & Biases.

    It needs the extra `wandb`, whose library reads WANDB_API_KEY or what `wandb login` kept.
    Without --as, the source is called as the project.
    """
    from scaling.runs.inbox.mapping import Options
    from scaling.runs.servers.wandb import pull

    def fetch(file: Path, known: list[Path]) -> Pulled:
        return pull(path, file, known, dry_run=dry_run)

    options = Options(
        *(columns or (), metric or (), sets or (), ignore or ()),
        rows=rows,
        bytes_per_token=bytes_per_token,
    )
    source = name or path.rpartition("/")[2].lower()
    pulling(fetch, source, _ENDING, options, out, dry_run=dry_run, as_json=as_json)
