"""Whether an ability emerged or a smooth law predicts it."""

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


def emergence(
    table: Table,
    scale: Scale = "flops",
    score: Score = "value",
    maps: Maps = None,
    metric: Metric = None,
    tokens: Annotated[
        float, typer.Option(help="Tokens of an answer that must all be right.")
    ] = 1.0,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Test whether an ability emerged or a smooth law predicts the largest scales as well."""
    from scaling.analysis.emergence import emergence as answer
    from scaling.cli.commands._table import complete, read
    from scaling.fitting.data import number, positive

    given = complete(read(table, maps).of_metric(metric, score), (scale, score))
    with given.placed():
        x, y = positive(given.frame, scale), number(given.frame, score)
        found = answer(x, y, answer_tokens=tokens, level=level)
    print_finding(found, as_json)
