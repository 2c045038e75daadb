"""The compute thresholds in force on a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli import exit_codes
from scaling.cli.commands._options import (
    GOVERN,
    Entered,
    Json,
    Registry,
    StaleAfter,
    answer,
    day_of,
    print_json,
)

PANEL = GOVERN


def thresholds(
    on: Annotated[
        str | None,
        typer.Option("--on", "--as-of", help="Thresholds in force on this day. Default: today."),
    ] = None,
    known: Annotated[
        str | None, typer.Option(help="Use what was public on this day. Default: today.")
    ] = None,
    entered: Entered = None,
    stale: Annotated[
        bool,
        typer.Option("--stale", help="Only rules, of any status, whose newest source is old."),
    ] = False,
    stale_after: StaleAfter = 180,
    every: Annotated[
        bool, typer.Option("--every", help="Include proposed, vetoed, superseded ones, ...")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Check the registry with Great Expectations instead.")
    ] = False,
    registry: Registry = Path("data/thresholds"),
    as_json: Json = False,
) -> None:
    """List the compute thresholds in force on a day, with status, provision and source."""
    if check:
        _check(registry, as_json)
        return
    from scaling.cli.display import govern as show
    from scaling.govern import registry as rules

    today = date.today()
    table = rules.as_of(
        rules.load(registry),
        day_of(on, "--on", today),
        day_of(known, "--known", today),
        None if entered is None else day_of(entered, "--entered", today),
        stale_after,
    )
    if stale:
        table, every = table.filter("stale").sort("checked_to", "rule"), True
    if as_json:
        print_json(show.records(show.chosen(table, every=every)))
        return
    show.show_thresholds(table, every=every, stale_after=stale_after if stale else None)


def _check(folder: Path, as_json: bool) -> None:
    from scaling.govern.check import check

    wrong, ran = check(folder)
    for line in wrong:
        typer.echo(line, err=True)
    facts = {"folder": str(folder), "expectations": ran, "wrong": wrong}
    answer(as_json, facts, [f"{folder}: {ran} expectations, {len(wrong)} rows wrong"])
    if wrong:
        raise typer.Exit(exit_codes.BAD_INPUT)
