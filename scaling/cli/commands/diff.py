"""What changed between two versions, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, print_json

PANEL = TRUST


def diff(
    old: Annotated[str, typer.Argument(help="Id of a published version.")],
    new: Annotated[str, typer.Argument(help="Id of a later version.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    most: Annotated[int, typer.Option(help="Lines of each kind at most.")] = 10,
) -> None:
    """Show what changed between two versions and why: inputs, runs, parameters, forecasts."""
    from scaling.cli.display.changes import lines
    from scaling.record.changes.between import changes_between
    from scaling.record.versions.lookup import find
    from scaling.record.versions.tables import manifest

    root = Path().resolve()
    before, after = (find(root, version) for version in (old, new))
    made_by = manifest(after)["made_by"]
    made = changes_between(root, before, after, made_by, most=None) | {"new": new}
    if as_json:
        print_json(made)
        return
    for line in lines(made, most):
        typer.echo(line)
