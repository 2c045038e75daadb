"""Params and tokens for a budget."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    CONTEXT,
    VOCABULARY,
    Json,
    Level,
    Maps,
    Metric,
    Open,
    Plot,
    Resamples,
)
from scaling.cli.commands.plan._shared import LawName, Runs, Study, planning, sheet_of, show


def optimal(
    study: Study = None,
    flops: Annotated[float | None, typer.Option(help="Training budget, FLOP in all.")] = None,
    loss: Annotated[float | None, typer.Option(help="Loss to reach, instead of --flops.")] = None,
    near: Annotated[
        float, typer.Option(help="Also the region within this share of the least loss.")
    ] = 0.01,
    exact: Annotated[
        bool, typer.Option("--exact", help="Count attention, vocabulary and context, not 6ND.")
    ] = False,
    context: Annotated[
        float, typer.Option(parser=CONTEXT, help="With --exact: context length in tokens.")
    ] = 2048.0,
    vocabulary: Annotated[
        float, typer.Option(parser=VOCABULARY, help="With --exact: size of the vocabulary.")
    ] = 50304.0,
    usd_per_flop: Annotated[
        float | None, typer.Option(help="USD per FLOP; `scaling plan cost` prints it.")
    ] = None,
    runs: Runs = None,
    law: LawName = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Params and tokens for a training budget, or the least compute for a loss."""
    from scaling.plan.allocation import SIX_ND
    from scaling.plan.allocation import optimal as plan

    count = SIX_ND
    if exact:
        from scaling.plan.flops import transformer_counting

        count = transformer_counting(context, vocabulary)
    sheet = sheet_of(study, runs, metric, maps, planning(law, exponents=True), resamples)
    show(
        plan(
            sheet,
            flops=flops,
            loss=loss,
            law=law,
            count=count,
            share=near,
            usd_per_flop=usd_per_flop,
            level=level,
        ),
        as_json,
        plot,
        opened,
    )
