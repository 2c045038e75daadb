"""Whether A is better than B at scale."""

from __future__ import annotations

from pathlib import Path
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
    working,
)
from scaling.cli.commands.plan._shared import show
from scaling.errors import InputError, placed


def compare(
    runs: Annotated[Path, typer.Option(help="Table of the runs of both.")],
    by: Annotated[str, typer.Option(help="Column that names the intervention.")],
    a: Annotated[str, typer.Option("--a", help="Value of that column for A.")],
    b: Annotated[str, typer.Option("--b", help="Value of that column for B.")],
    flops: Annotated[
        float | None, typer.Option(help="Compare at this compute, each at its optimum.")
    ] = None,
    params: Annotated[
        float | None, typer.Option(parser=PARAMS, help="Or compare at these params ...")
    ] = None,
    tokens: Annotated[float | None, typer.Option(parser=TOKENS, help="... and tokens.")] = None,
    sure: Annotated[
        float, typer.Option(help="Confidence that the proposed experiment should reach.")
    ] = 0.95,
    law: Annotated[str, typer.Option(help="Law of both.")] = "chinchilla",
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Whether A beats B at scale: probability, crossing, and the smallest experiment to decide."""
    from scaling.cli.commands._table import read
    from scaling.fitting.data import positive
    from scaling.plan.comparison import compare as plan
    from scaling.plan.comparison import pair

    given = read(runs, maps).of_metric(metric, "loss")
    given.require(by)
    sides = [given.kept(given.frame[by].cast(str) == value) for value in (a, b)]
    for value, side in zip((a, b), sides, strict=True):
        if side.frame.is_empty():
            known = ", ".join(sorted(set(given.frame[by].drop_nulls().cast(str)))[:10])
            raise InputError("no run of it", file=runs, column=by, value=value, allowed=known)
        with side.placed():  # here, for what follows puts the rows in another order
            for name in ("params", "tokens", "loss"):
                positive(side.frame, name)
    with placed(runs, names=given.names), working(f"Fitting {a} and {b}", quiet=as_json):
        found = pair(
            sides[0].frame, sides[1].frame, (a, b), law=law, resamples=resamples, units=given.units
        )
    show(
        plan(found, flops=flops, params=params, tokens=tokens, sure=sure, level=level),
        as_json,
        plot,
        opened,
    )
