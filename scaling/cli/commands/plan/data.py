"""Plans with few unique tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import Json, Level, Maps, Metric, Open, Plot, Resamples
from scaling.cli.commands.plan._shared import Runs, Study, sheet_of, show


def data(
    study: Study = "published:data_constrained",
    flops: Annotated[float, typer.Option(help="Training budget, FLOP in all.")] = 0.0,
    unique: Annotated[
        list[str] | None,
        typer.Option(help="Unique tokens, or TOKENS:QUALITY; repeat for more pools."),
    ] = None,
    runs: Runs = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Limited unique tokens: epochs, their value, filtering, and the data wall."""
    from scaling.plan import data_limits as plan

    sheet = sheet_of(None if runs else study, runs, metric, maps, (plan.LAW,), resamples)
    pools = [plan.Pool.of(text) for text in unique or []]
    show(plan.data(sheet, flops=flops, pools=pools, level=level), as_json, plot, opened)
