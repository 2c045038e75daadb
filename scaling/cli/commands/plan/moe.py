"""Routed experts."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import Json, Level, Maps, Metric, Open, Plot, Resamples
from scaling.cli.commands.plan._shared import Runs, Study, sheet_of, show


def moe(
    study: Study = "published:fine_grained",
    flops: Annotated[float, typer.Option(help="Training budget, FLOP in all.")] = 0.0,
    expansion: Annotated[float, typer.Option(help="Experts of full size per layer.")] = 64.0,
    memory: Annotated[
        float | None, typer.Option(help="Memory limit of all params, in bytes.")
    ] = None,
    bytes_per_param: Annotated[float, typer.Option(help="With --memory: bytes per param.")] = 2.0,
    runs: Runs = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Mixture of experts: granularity, active and total params, within a memory limit."""
    from scaling.plan import routed_experts as plan

    sheet = sheet_of(None if runs else study, runs, metric, maps, (plan.LAW,), resamples)
    made = plan.moe(
        sheet,
        flops=flops,
        expansion=expansion,
        memory=memory,
        bytes_per_param=bytes_per_param,
        level=level,
    )
    show(made, as_json, plot, opened)
