"""Commands that plan: what to train next, and what it will cost."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands import _plan_mixture, _plan_more
from scaling.cli.commands._options import PLAN, Json, Level
from scaling.cli.commands._plan_common import (
    LawName,
    Maps,
    Metric,
    Resamples,
    Runs,
    Study,
    planning,
    sheet_of,
    show,
)
from scaling.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(no_args_is_help=True, help="What to train next, and what it will cost.")
    for command in (optimal, serve, cost, data, moe, hparams):
        group.command()(command)
    group.command()(_plan_mixture.mixture)
    _plan_more.add(group)
    app.add_typer(group, name="plan", rich_help_panel=PLAN)


def optimal(
    study: Study = None,
    flops: Annotated[float | None, typer.Option(help="Training budget, FLOP in all.")] = None,
    loss: Annotated[float | None, typer.Option(help="Or: the loss to reach.")] = None,
    near: Annotated[float, typer.Option(help="Region within this share of the least loss.")] = 0.01,
    exact: Annotated[
        bool, typer.Option("--exact", help="Count attention, vocabulary and context, not 6ND.")
    ] = False,
    context: Annotated[float, typer.Option(help="With --exact: tokens of context.")] = 2048.0,
    vocabulary: Annotated[float, typer.Option(help="With --exact: entries.")] = 50304.0,
    usd_per_flop: Annotated[
        float | None, typer.Option(help="Price of a FLOP; `scaling plan cost` prints it.")
    ] = None,
    runs: Runs = None,
    law: LawName = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
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
    )


def serve(
    study: Study = None,
    read: Annotated[float, typer.Option(help="Tokens read (prompts) over the whole life.")] = 0.0,
    write: Annotated[float, typer.Option(help="Tokens written over the whole life.")] = 0.0,
    loss: Annotated[float | None, typer.Option(help="Quality: this loss.")] = None,
    like_params: Annotated[
        float | None, typer.Option(help="Quality: of the compute-optimal model of this size.")
    ] = None,
    like_flops: Annotated[
        float | None, typer.Option(help="Quality: of the best model of this training budget.")
    ] = None,
    params: Annotated[float | None, typer.Option(help="Instead: this size ...")] = None,
    tokens: Annotated[float | None, typer.Option(help="... on this many tokens.")] = None,
    chip: Annotated[str | None, typer.Option(help="Count money: chips of this name.")] = None,
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
) -> None:
    """Training and serving together: how small and how long to train for a demand."""
    from scaling.plan import serving as plan

    sheet = sheet_of(study, runs, metric, maps, planning(law), resamples)
    if params is not None or tokens is not None:
        if params is None or tokens is None:
            raise InputError("give --params and --tokens", value=(params, tokens), allowed="both")
        show(plan.over_trained(sheet, params, tokens, law=law, level=level), as_json)
        return
    prices = plan.Prices()
    if chip is not None:
        from scaling.plan.costs import hardware

        prices = plan.priced(hardware(chip).peak_flops, price, (train_use, read_use, write_use))
    goal = plan.Goal(loss, like_params, like_flops)
    show(
        plan.serve(sheet, goal, read=read, written=write, prices=prices, law=law, level=level),
        as_json,
    )


def cost(
    study: Study = None,
    flops: Annotated[float | None, typer.Option(help="Compute, FLOP in all.")] = None,
    loss: Annotated[
        float | None, typer.Option(help="Or: the least compute for this loss, by a fitted law.")
    ] = None,
    chip: Annotated[str, typer.Option(help="Name in data/thresholds/chips.csv.")] = (
        "NVIDIA H100 SXM5 80GB"
    ),
    chips: Annotated[float | None, typer.Option(help="Size of the cluster, for days.")] = None,
    utilisation: Annotated[str | None, typer.Option(help="MID or LOW,MID,HIGH.")] = None,
    price: Annotated[str | None, typer.Option(help="USD per chip hour; MID or LOW,MID,HIGH.")] = (
        None
    ),
    power: Annotated[str | None, typer.Option(help="W per chip with its share of a server.")] = (
        None
    ),
    pue: Annotated[str | None, typer.Option(help="Overhead of the hall.")] = None,
    grid: Annotated[str | None, typer.Option(help="kg CO2e per kWh, location-based.")] = None,
    market: Annotated[str | None, typer.Option(help="kg CO2e per kWh after contracts.")] = None,
    grid_dated: Annotated[str, typer.Option(help="Date and source of the intensities.")] = "",
    runs: Runs = None,
    law: LawName = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Chip hours, days, money, energy and carbon of a training run, with ranges."""
    from scaling.plan.costs import cost as plan
    from scaling.plan.costs import hardware

    given = {
        "utilisation": utilisation,
        "price": price,
        "power": power,
        "pue": pue,
        "grid": grid,
        "market": market,
    }
    by = hardware(chip, given, grid_dated)
    fitted = study is not None or runs is not None
    sheet = sheet_of(study, runs, metric, maps, planning(law), resamples) if fitted else None
    show(plan(by, flops=flops, sheet=sheet, loss=loss, law=law, chips=chips, level=level), as_json)


def data(
    study: Study = "published:data_constrained",
    flops: Annotated[float, typer.Option(help="Training budget, FLOP in all.")] = 0.0,
    unique: Annotated[
        list[str] | None,
        typer.Option(help="Unique tokens, or TOKENS:QUALITY; repeat for several pools."),
    ] = None,
    runs: Runs = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """At most so many unique tokens: epochs, their worth, filtering, and the data wall."""
    from scaling.plan import data_limits as plan

    sheet = sheet_of(None if runs else study, runs, metric, maps, (plan.LAW,), resamples)
    pools = [plan.Pool.of(text) for text in unique or []]
    show(plan.data(sheet, flops=flops, pools=pools, level=level), as_json)


def moe(
    study: Study = "published:fine_grained",
    flops: Annotated[float, typer.Option(help="Training budget, FLOP in all.")] = 0.0,
    expansion: Annotated[float, typer.Option(help="Experts of full size per layer.")] = 64.0,
    memory: Annotated[float | None, typer.Option(help="Bytes that all params may take.")] = None,
    bytes_per_param: Annotated[float, typer.Option(help="With --memory.")] = 2.0,
    runs: Runs = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Routed experts: granularity, active against total params, within a memory."""
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
    show(made, as_json)


def hparams(
    params: Annotated[float, typer.Option(help="Params without embeddings.")],
    tokens: Annotated[float, typer.Option(help="Tokens.")],
    loss: Annotated[float | None, typer.Option(help="Expected loss: the critical batch.")] = None,
    runs: Runs = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Learning rate and batch by step laws (published ones, or of a table of sweeps)."""
    from scaling.plan.step_laws import hparams as plan

    names = ("step_lr", "step_batch")
    if runs is not None:
        one = sheet_of(None, runs, metric, maps, names, resamples)
        sheets = one, one
    else:
        lr, batch = (sheet_of(f"published:{n}", None, None, None, (), 0) for n in names)
        sheets = lr, batch
    show(plan(*sheets, params=params, tokens=tokens, loss=loss, level=level), as_json)
