"""How sparse to train."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import PARAMS, Json, Level, Maps, Metric, Open, Plot, Resamples
from scaling.cli.commands.plan._shared import Runs, Study, sheet_of, show


def sparsity(
    study: Study = "published:sparse_connected",
    params: Annotated[
        float, typer.Option(parser=PARAMS, help="Non-zero params without embeddings.")
    ] = 0.0,
    flops: Annotated[float, typer.Option(help="Training budget, FLOP in all.")] = 0.0,
    runs: Runs = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Sparsity of least loss for a number of non-zero params, paid for in tokens."""
    from scaling.plan import pruned as plan

    sheet = sheet_of(None if runs else study, runs, metric, maps, (plan.LAW,), resamples)
    show(plan.sparsity(sheet, params=params, flops=flops, level=level), as_json, plot, opened)
