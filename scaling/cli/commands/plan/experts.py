"""How many experts."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import Json, Level, Maps, Metric, Open, Plot, Resamples
from scaling.cli.commands.plan._shared import Runs, Study, sheet_of, show


def experts(
    study: Study = "published:joint_moe",
    flops: Annotated[float, typer.Option(help="Training budget, FLOP in all.")] = 0.0,
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
    """Number of experts, active and total params at a budget, within a memory limit."""
    from scaling.plan import expert_count as plan

    sheet = sheet_of(None if runs else study, runs, metric, maps, (plan.LAW,), resamples)
    made = plan.experts(
        sheet, flops=flops, memory=memory, bytes_per_param=bytes_per_param, level=level
    )
    show(made, as_json, plot, opened)
