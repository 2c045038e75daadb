"""The run that reaches a downstream goal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import Json, Level, Maps, Open, Plot, Resamples, working
from scaling.cli.commands.plan._shared import show


def target(
    accuracy: Annotated[float, typer.Option(help="Accuracy to reach, as a share.")],
    runs: Annotated[
        Path, typer.Option(help="Table with params, tokens, task_loss and the accuracy.")
    ],
    column: Annotated[str, typer.Option(help="Column of the accuracy.")] = "accuracy",
    flops: Annotated[
        float | None, typer.Option(help="Also the probability of reaching it with this compute.")
    ] = None,
    scatter: Annotated[
        float,
        typer.Option(help="Deviation of single tasks from the law, as a share of the accuracy."),
    ] = 0.02,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """The run that reaches a downstream accuracy, and how likely, by way of the task loss."""
    from scaling.cli.commands._table import read
    from scaling.plan import stored
    from scaling.plan.downstream import LAW
    from scaling.plan.downstream import target as plan

    given = read(runs, maps).with_target(column)
    with given.placed(), working(f"Fitting {runs}", quiet=as_json):
        sheet = stored.fitted(
            given.frame,
            (LAW,),
            label=runs.name,
            resamples=resamples,
            target=column,
            units=given.units,
        )
    show(
        plan(sheet, accuracy=accuracy, flops=flops, scatter=scatter, level=level),
        as_json,
        plot,
        opened,
    )
