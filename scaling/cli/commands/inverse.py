"""Whether a score gets worse with scale."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    ASK,
    Json,
    Level,
    Maps,
    Metric,
    Scale,
    Score,
    Table,
    print_finding,
)

PANEL = ASK


def inverse(
    table: Table,
    scale: Scale = "params",
    score: Score = "value",
    maps: Maps = None,
    metric: Metric = None,
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="For losses and error rates.")
    ] = False,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Test for inverse scaling: slope, curvature and turning point of a score in log scale."""
    from scaling.analysis.inverse import inverse as answer
    from scaling.cli.commands._table import complete, read
    from scaling.fitting.data import number, positive

    given = complete(read(table, maps).of_metric(metric, score), (scale, score))
    with given.placed():
        x, y = positive(given.frame, scale), number(given.frame, score)
        found = answer(x, y, higher_is_better=not lower_is_better, level=level)
    print_finding(found, as_json)
