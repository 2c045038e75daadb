"""Growth of training compute and counts of models above thresholds."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import GOVERN, Json, Seed, day_of, working

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
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Forecast the growth of training compute and the number of models above each threshold."""
    from scaling.cli.display import govern as show
    from scaling.govern import outlook
    from scaling.govern.trends import read_copies
    from scaling.io.json_files import json_text, write_json

    table = read_copies(copies)
    day = day_of(as_of, "--as-of", date.today())
    later = day_of(until, "--until", day + timedelta(days=731))
    with working("Calibrating on the past", quiet=as_json):
        made = outlook.outlook(table, day, later, seed)
    if out is not None:
        write_json(out, made)
    if score is not None:
        made["score"] = outlook.score(made, table, day_of(score, "--score", day))
    if as_json:
        typer.echo(json_text(made), nl=False)
        return
    show.show_outlook(made)
