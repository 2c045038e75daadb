"""Published versions as a hubverse hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST

PANEL = TRUST


def hub(
    versions: Annotated[list[str], typer.Argument(help="Ids of published versions.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
) -> None:
    """Export versions as a hubverse hub: model-output/ and hub-config/."""
    from scaling.record.audit.hub import export
    from scaling.record.versions.lookup import find

    root = Path().resolve()
    for path in export([find(root, version) for version in versions], out):
        typer.echo(f"wrote {path}")
