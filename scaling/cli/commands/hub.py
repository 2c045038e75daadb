"""Published versions as a hubverse hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Json, answer, remark

PANEL = TRUST


def hub(
    versions: Annotated[list[str], typer.Argument(help="Ids of published versions.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    team: Annotated[
        str | None,
        typer.Option(help="Who answers for the hub. Default: team of scaling.toml, else of Git."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="Their e-mail address. Default: Git's user.email.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Export versions as a hubverse hub: model-output/ and hub-config/.

    A version's round is the day of its issue, of a replay the day that it replays.
    """
    from scaling.record.audit.hub import export, team_of
    from scaling.record.versions.lookup import find

    root = Path().resolve()
    who = team_of(root, team, contact)
    made = export([find(root, version) for version in versions], out, who)
    for note in made.notes:
        remark(note)
    files = list(map(str, made.files))
    lines = [f"wrote {path}" for path in files]
    answer(as_json, {"files": files, "notes": list(made.notes)}, lines)
