"""Training and serving together."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    LIKE_PARAMS,
    PARAMS,
    READ,
    TOKENS,
    WRITE,
    Json,
    Level,
    Maps,
    Metric,
    Open,
    Plot,
    Resamples,
)
from scaling.cli.commands.plan._shared import LawName, Runs, Study, planning, sheet_of, show
from scaling.errors import InputError


def serve(
    study: Study = None,
    read: Annotated[
        float,
        typer.Option(parser=READ, help="Tokens read (prompts) over the model's life."),
    ] = 0.0,
    write: Annotated[
        float, typer.Option(parser=WRITE, help="Tokens written over the model's life.")
    ] = 0.0,
    loss: Annotated[float | None, typer.Option(help="Quality: a loss.")] = None,
    like_params: Annotated[
        float | None,
        typer.Option(
            parser=LIKE_PARAMS, help="Quality: that of the compute-optimal model of this size."
        ),
    ] = None,
    like_flops: Annotated[
        float | None, typer.Option(help="Quality: that of the best model of this training budget.")
    ] = None,
    params: Annotated[
        float | None, typer.Option(parser=PARAMS, help="Instead of a quality: params ...")
    ] = None,
    tokens: Annotated[
        float | None, typer.Option(parser=TOKENS, help="... and tokens of a given model.")
    ] = None,
    chip: Annotated[
        str | None, typer.Option(help="Count USD instead of FLOP, with chips of this name.")
    ] = None,
    price: Annotated[float, typer.Option(help="With --chip: USD per chip hour.")] = 2.35,
    train_use: Annotated[float, typer.Option(help="With --chip: utilisation in training.")] = 0.4,
    read_use: Annotated[float, typer.Option(help="With --chip: utilisation in reading.")] = 0.4,
    write_use: Annotated[float, typer.Option(help="With --chip: utilisation in writing.")] = 0.05,
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
    """Size and tokens for least training and serving compute together."""
    from scaling.plan import serving as plan

    sheet = sheet_of(study, runs, metric, maps, planning(law), resamples)
    if params is not None or tokens is not None:
        if params is None or tokens is None:
            raise InputError("give --params and --tokens", value=(params, tokens), allowed="both")
        show(plan.over_trained(sheet, params, tokens, law=law, level=level), as_json, plot, opened)
        return
    prices = plan.Prices()
    if chip is not None:
        from scaling.plan.costs import hardware

        prices = plan.priced(hardware(chip).peak_flops, price, (train_use, read_use, write_use))
    goal = plan.Goal(loss, like_params, like_flops)
    show(
        plan.serve(sheet, goal, read=read, written=write, prices=prices, law=law, level=level),
        as_json,
        plot,
        opened,
    )
