"""Evidence packs: every run against every compute threshold."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._interview import Ask, Fact, answered, show_answers
from scaling.cli.commands._options import (
    GOVERN,
    Entered,
    Json,
    Registry,
    StaleAfter,
    day_of,
    print_json,
    working,
)
from scaling.errors import InputError

PANEL = GOVERN


def govern(
    runs: Annotated[
        Path | None,
        typer.Option(help="File of the runs. Default: the public table of models."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the evidence packs.")] = Path(
        "reports/governance"
    ),
    ledger: Annotated[
        Path | None, typer.Option(help="Table of compute by category: run, category, flop.")
    ] = None,
    fleets: Annotated[
        Path | None, typer.Option(help="Table of mixed chips: one row per run, chip and period.")
    ] = None,
    architectures: Annotated[
        Path | None,
        typer.Option(help="Table of architectures whose operations are counted exactly."),
    ] = None,
    on: Annotated[str | None, typer.Option(help="Date of the report. Default: today.")] = None,
    known: Annotated[
        str | None, typer.Option(help="Use what was public on this day. Default: --on.")
    ] = None,
    entered: Entered = None,
    stale_after: StaleAfter = 180,
    likely: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.99, help="Probability from which a crossing counts as likely."
        ),
    ] = 0.5,
    redact: Annotated[
        bool, typer.Option("--redact", help="Give magnitudes only, for readers outside.")
    ] = False,
    registry: Registry = Path("data/thresholds"),
    ask: Ask = False,
    fact: Fact = None,
    as_json: Json = False,
) -> None:
    """Compare every run with every rule; writes evidence packs per entity and per rule."""
    from scaling.cli.display import govern as show
    from scaling.govern.runs import Files
    from scaling.pipeline.packs import packs

    day = day_of(on, "--on", date.today())
    asked = ask or bool(fact)
    if asked:
        runs = answered(runs, fact or [], registry, day)
    details = Files(ledger, fleets, architectures)
    if details.given() and runs is None:
        raise InputError("needs a runs file", file=details.given()[0], hint="Name one with --runs.")
    day = day_of(on, "--on", date.today())
    with working("Comparing runs with rules", quiet=as_json):
        written = packs(
            Path(),
            runs,
            out,
            day,
            known=day_of(known, "--known", day),
            entered=None if entered is None else day_of(entered, "--entered", day),
            stale_after=stale_after,
            likely=likely,
            details=details,
            redact=redact,
            registry=registry,
        )
    if as_json:
        facts = {"packs": written.packs, "files": written.files, "verdicts": written.verdicts}
        print_json({"folder": str(out), **facts, "alerts": written.alerts.to_dicts()})
        return
    show.show_written(out, written)
    if asked:
        show_answers(out)
