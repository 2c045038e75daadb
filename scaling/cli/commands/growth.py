"""How fast a quantity grows in time."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    ASK,
    Json,
    Level,
    Maps,
    Metric,
    Score,
    Table,
    print_finding,
)

PANEL = ASK


def growth(
    table: Table,
    date: Annotated[str, typer.Option(help="Column of dates.")] = "observed",
    score: Score = "value",
    maps: Maps = None,
    metric: Metric = None,
    best: Annotated[
        int,
        typer.Option(min=0, help="Keep only rows among this many highest of their day; 0 for all."),
    ] = 0,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Estimate how fast a quantity grows: factor per year and doubling time."""
    from scaling.analysis import trends
    from scaling.cli.commands._table import read
    from scaling.fitting.data import positive

    given = read(table, maps).of_metric(metric, score)
    given.require(date)
    with given.placed():
        days, values = given.frame[date], positive(given.frame, score)
        if best:
            kept = trends.running_best(days, values, best)
            days, values = days.filter(kept), values[kept]
        found = trends.growth(days, values, level=level)
    print_finding(found, as_json)
