"""Commands that hold published forecasts to account."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from scaling.errors import InputError

PANEL = "Publish and verify"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(rich_help_panel=PANEL)(audit)
    app.command(rich_help_panel=PANEL)(backfill)


def audit(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, write nothing.")] = False,
) -> None:
    """Score published forecasts by what came since; tables and a page in reports/audit."""
    from scaling.audit.run import audit as run
    from scaling.audit.run import dated, write

    made = run(Path())
    if as_json:
        from scaling.pipeline.files import canonical

        typer.echo(canonical(dated(made.summary)), nl=False)
        return
    for path in write(made, Path()):
        typer.echo(f"wrote {path}")
    for row in made.summary.get("confidence", ()):
        shares = ", ".join(
            f"{100 * one['observed']:.0f} % in {100 * one['stated']:.0f} %"
            for one in row["intervals"]
            if one["observed"] is not None
        )
        typer.echo(f"{row['kind']}: {row['forecasts']} of {row['origins']} origins; {shares}")
    typer.echo(f"{made.still_open.height} targets have not come.")


def backfill(
    as_of: Annotated[
        str | None, typer.Option(help="Only this day of history.yaml (YYYY-MM-DD).")
    ] = None,
) -> None:
    """Replay the days of history.yaml and publish each in reports/history, marked as a replay."""
    from scaling.audit.backfill import backfill as run

    run(Path(), only=None if as_of is None else _day(as_of), done=_say)


def _say(day: date, made: object) -> None:
    typer.echo(f"{day}: {getattr(made, 'sentence', made)}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        allowed = "a date as YYYY-MM-DD"
        raise InputError("not a day", column="--as-of", value=text, allowed=allowed) from error
