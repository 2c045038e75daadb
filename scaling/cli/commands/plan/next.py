"""Which runs to train next."""

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
from scaling.cli.commands.plan._shared import LawName, Runs, Study, planning, sheet_of, show


def next(
    study: Study = None,
    budget: Annotated[float, typer.Option(help="FLOP of all proposed runs together.")] = 0.0,
    params: Annotated[float | None, typer.Option(parser=PARAMS, help="Target: params ...")] = None,
    tokens: Annotated[float | None, typer.Option(parser=TOKENS, help="... and tokens,")] = None,
    flops: Annotated[
        float | None, typer.Option(help="or the compute-optimal run of this compute.")
    ] = None,
    narrow: Annotated[
        float | None,
        typer.Option(help="Stop at this width of the interval, as a share of the loss."),
    ] = None,
    repeats: Annotated[int, typer.Option(help="Runs of one size at most.")] = 2,
    most: Annotated[int, typer.Option(help="Runs at most.")] = 40,
    holds: Annotated[
        float | None,
        typer.Option(help="Probability that the law holds; 1 trusts it. Default: from the runs."),
    ] = None,
    doubt: Annotated[
        float,
        typer.Option(
            help="Error of a law that does not hold, in standard deviations of the noise."
        ),
    ] = 100.0,
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
    """Runs to train next that narrow a forecast the most."""
    from scaling.plan.next_runs import recommend

    sheet = sheet_of(study, runs, metric, maps, planning(law), resamples)
    made = recommend(
        sheet,
        budget=budget,
        params=params,
        tokens=tokens,
        flops=flops,
        narrow=narrow,
        law=law,
        repeats=repeats,
        most=most,
        holds=holds,
        doubt=doubt,
        level=level,
    )
    show(made, as_json, plot, opened)
