"""When the first model crosses each line of compute, growth, and counts above thresholds."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling.cli.commands._options import GOVERN, Json, Registry, Seed, day_of, working

if TYPE_CHECKING:
    import polars as pl

PANEL = GOVERN


def frontier(
    as_of: Annotated[
        str | None, typer.Option(help="Use only what was known on this day. Default: today.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day of the forecast. Default: two years later.")
    ] = None,
    score: Annotated[
        str | None, typer.Option(help="Score the forecast against the copy of this day.")
    ] = None,
    copies: Annotated[Path, typer.Option(help="Dated copies of the table of models.")] = Path(
        "data/trends/copies.csv"
    ),
    out: Annotated[
        Path | None, typer.Option(help="Also write the forecast to this JSON file.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Also write a page with the chart to this HTML file.")
    ] = None,
    registry: Registry = Path("data/thresholds"),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Forecast when the first model crosses each threshold, growth, and counts above each.

    Lines are the values of training compute that the registry has in force or enacted on --as-of,
    as on record on that day.
    """
    from scaling.cli.display import govern as show
    from scaling.govern import outlook
    from scaling.govern.registry import load
    from scaling.govern.trends import copy_of, read_copies
    from scaling.io.json_files import json_text, write_json

    table = read_copies(copies)
    day = day_of(as_of, "--as-of", date.today())
    later = day_of(until, "--until", day + timedelta(days=731))
    with working("Calibrating on the past", quiet=as_json):
        made = outlook.outlook(table, day, later, seed, load(registry))
    if out is not None:
        write_json(out, made)
    if page is not None:
        _write_page(page, made, copy_of(table, day))
    if score is not None:
        made["score"] = outlook.score(made, table, day_of(score, "--score", day))
    if as_json:
        typer.echo(json_text(made), nl=False)
        return
    show.show_outlook(made)


def _write_page(path: Path, made: dict[str, Any], models: pl.DataFrame) -> None:
    from scaling.document.render import html
    from scaling.govern.frontier_page import page
    from scaling.io import atomic

    atomic.write(path, html(page(made, models), fitted=True).encode())
