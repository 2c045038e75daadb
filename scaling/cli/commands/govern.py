"""Commands of compute governance: what was in force when, and who crosses it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.cli.commands._options import GOVERN, Json
from scaling.errors import InputError

if TYPE_CHECKING:
    pass

Registry = Annotated[Path, typer.Option(help="Folder of the registry.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (govern, thresholds, frontier):
        app.command(rich_help_panel=GOVERN)(command)


def govern(
    runs: Annotated[
        Path | None,
        typer.Option(help="Runs file. Default: the public table of models."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the evidence packs.")] = Path(
        "reports/governance"
    ),
    ledger: Annotated[
        Path | None, typer.Option(help="Compute of each run by category: run, category, flop.")
    ] = None,
    fleets: Annotated[
        Path | None, typer.Option(help="Mixed chips: one row per run, chip and period.")
    ] = None,
    architectures: Annotated[
        Path | None, typer.Option(help="Architectures whose operations are counted exactly.")
    ] = None,
    on: Annotated[str | None, typer.Option(help="Report date. Default: today.")] = None,
    known: Annotated[
        str | None, typer.Option(help="Registry as on record on this day. Default: --on.")
    ] = None,
    likely: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Chance from which a crossing is likely.")
    ] = 0.5,
    redact: Annotated[
        bool, typer.Option("--redact", help="Write the variant for others: magnitudes only.")
    ] = False,
    registry: Registry = Path("data/thresholds"),
) -> None:
    """Compare every run with every rule and write evidence packs per entity and per rule."""
    from scaling.cli.display import govern as show
    from scaling.govern.runs import Files
    from scaling.pipeline.packs import packs

    details = Files(ledger, fleets, architectures)
    if details.given() and runs is None:
        raise InputError("needs a runs file", file=details.given()[0], hint="Name one with --runs.")
    day = _day(on, "--on", date.today())
    show.show_written(
        out,
        packs(
            Path(),
            runs,
            out,
            day,
            known=_day(known, "--known", day),
            likely=likely,
            details=details,
            redact=redact,
            registry=registry,
        ),
    )


def thresholds(
    on: Annotated[str | None, typer.Option(help="What held on this day. Default: today.")] = None,
    known: Annotated[
        str | None, typer.Option(help="As it was on record on this day. Default: today.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--every", help="Also what is proposed, vetoed, superseded, ...")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Check the registry with Great Expectations instead.")
    ] = False,
    registry: Registry = Path("data/thresholds"),
    as_json: Json = False,
) -> None:
    """List the compute thresholds in force on a day, with status, provision and source."""
    if check:
        _check(registry)
        return
    from scaling.cli.display import govern as show
    from scaling.govern import registry as rules

    today = date.today()
    table = rules.as_of(
        rules.load(registry), _day(on, "--on", today), _day(known, "--known", today)
    )
    if as_json:
        from scaling.io.json_files import json_text

        typer.echo(json_text(show.records(show.chosen(table, every=every))), nl=False)
        return
    show.show_thresholds(table, every=every)


def _check(folder: Path) -> None:
    from scaling.govern.check import check

    wrong, ran = check(folder)
    for line in wrong:
        typer.echo(line, err=True)
    typer.echo(f"{folder}: {ran} expectations, {len(wrong)} rows wrong")
    if wrong:
        raise typer.Exit(2)


def _day(text: str | None, option: str, default: date) -> date:
    """A day given on the command line."""
    if text is None:
        return default
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise InputError("is no day", column=option, value=text, allowed="YYYY-MM-DD") from None


def frontier(
    as_of: Annotated[str | None, typer.Option(help="Only what was known by this day.")] = None,
    until: Annotated[
        str | None, typer.Option(help="Day to forecast. Default: two years on.")
    ] = None,
    score: Annotated[
        str | None, typer.Option(help="Score the forecast with the copy of this day.")
    ] = None,
    copies: Annotated[Path, typer.Option(help="Dated copies of the table of models.")] = Path(
        "data/trends/copies.csv"
    ),
    out: Annotated[Path | None, typer.Option(help="Also write the forecast here as JSON.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 0,
    as_json: Json = False,
) -> None:
    """Forecast growth of training compute and how many models will be above each threshold."""
    from scaling.cli.display import govern as show
    from scaling.govern import outlook
    from scaling.govern.trends import read_copies
    from scaling.io.json_files import json_text, write_json

    table = read_copies(copies)
    day = _day(as_of, "--as-of", date.today())
    later = _day(until, "--until", day + timedelta(days=731))
    made = outlook.outlook(table, day, later, seed)
    if out is not None:
        write_json(out, made)
    if score is not None:
        made["score"] = outlook.score(made, table, _day(score, "--score", day))
    if as_json:
        typer.echo(json_text(made), nl=False)
        return
    show.show_outlook(made)
