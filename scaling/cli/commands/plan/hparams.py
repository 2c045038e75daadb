"""Learning rate and batch size."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    PARAMS,
    TOKENS,
    Json,
    Level,
    Maps,
    Metric,
    Open,
    Plot,
    Resamples,
)
from scaling.cli.commands.plan._shared import Runs, sheet_of, show


def hparams(
    params: Annotated[float, typer.Option(parser=PARAMS, help="Params without embeddings.")],
    tokens: Annotated[float, typer.Option(parser=TOKENS, help="Training tokens.")],
    loss: Annotated[
        float | None, typer.Option(help="Expected loss, for the critical batch size.")
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
    """Learning rate and batch size by step laws, published or fitted to a table of sweeps."""
    from scaling.plan.step_laws import hparams as plan

    names = ("step_lr", "step_batch")
    if runs is not None:
        one = sheet_of(None, runs, metric, maps, names, resamples)
        sheets = one, one
    else:
        lr, batch = (sheet_of(f"published:{n}", None, None, None, (), 0) for n in names)
        sheets = lr, batch
    show(plan(*sheets, params=params, tokens=tokens, loss=loss, level=level), as_json, plot, opened)
