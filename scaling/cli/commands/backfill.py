"""Replay the days of history.yaml."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, day_of
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
) -> None:
    """Replay the days of history.yaml and publish each in reports/history, marked as a replay."""
    from scaling.record.audit.backfill import backfill as run
    from scaling.record.audit.backfill import make

    day = None if as_of is None else day_of(as_of, "--as-of", date.min)
    if out is None:
        from scaling.record.site import refresh

        run(Path(), only=day, done=_say)
        refresh(Path())
    elif day is None:
        raise InputError("--out needs --as-of", column="--as-of", allowed="a day of history.yaml")
    else:
        typer.echo(f"{counted(len(make(Path(), day, out)), 'file')} -> {out}")


def _say(day: date, made: object) -> None:
    typer.echo(f"{day}: {getattr(made, 'sentence', made)}")
