"""Replay the days of history.yaml."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Json, answer, day_of
from scaling.errors import InputError, counted

PANEL = TRUST


def backfill(
    as_of: Annotated[
        str | None, typer.Option(help="Only this day of history.yaml, YYYY-MM-DD.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the files of --as-of to this folder; publish nothing."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay the days of history.yaml and publish each in reports/history, marked as a replay."""
    from scaling.record.audit.backfill import backfill as run
    from scaling.record.audit.backfill import make

    day = None if as_of is None else day_of(as_of, "--as-of", date.min)
    if out is None:
        from scaling.record.site import refresh

        days: dict[str, str] = {}

        def note(day: date, made: object) -> None:
            days[str(day)] = getattr(made, "sentence", str(made))
            if not as_json:
                typer.echo(f"{day}: {days[str(day)]}")

        run(Path(), only=day, done=note)
        refresh(Path())
        answer(as_json, {"days": days}, ())
    elif day is None:
        raise InputError("--out needs --as-of", column="--as-of", allowed="a day of history.yaml")
    else:
        files = sorted(map(str, make(Path(), day, out)))
        facts = {"day": str(day), "folder": str(out), "files": files}
        answer(as_json, facts, [f"{counted(len(files), 'file')} -> {out}"])
