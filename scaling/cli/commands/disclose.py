"""Prove single facts to whoever has a redacted edition."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Json, Secret, answer
from scaling.errors import InputError

PANEL = TRUST


def disclose(
    edition: Annotated[Path, typer.Argument(help="Folder of a redacted edition.")],
    out: Annotated[Path, typer.Option(help="Where to write the proof.")],
    where: Annotated[
        str | None,
        typer.Option(
            help="SQL condition of runs to disclose, as in \"run = 'x'\"; all rows of a run."
        ),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Alias whose name to disclose; repeat.")
    ] = None,
    forecast: Annotated[
        list[str] | None,
        typer.Option(help="Alias of an internal study whose forecasts to disclose; repeat."),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(help="File of the full version whose hash to disclose; repeat."),
    ] = None,
    secret: Secret = None,
    as_json: Json = False,
) -> None:
    """Write a proof that rows, names or forecasts belong to a redacted edition."""
    from scaling.io import atomic
    from scaling.record.editions import salt
    from scaling.record.editions.disclose import Wanted
    from scaling.record.editions.disclose import disclose as run

    wanted = Wanted(where, name or (), forecast or (), file or ())
    if wanted == Wanted():
        allowed = "--where, --name, --forecast or --file"
        raise InputError("nothing to disclose", allowed=allowed)
    content = run(Path(), edition, salt.read(secret, Path()), wanted)
    atomic.write(out, content)
    line = f"wrote {out}; whoever has the file sees what it discloses. `scaling verify` checks it."
    answer(as_json, {"edition": str(edition), "written": str(out)}, [line])
