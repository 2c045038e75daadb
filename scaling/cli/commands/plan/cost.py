"""Money, energy and carbon of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import Json, Level, Maps, Metric, Open, Plot, Resamples
from scaling.cli.commands.plan._shared import LawName, Runs, Study, planning, sheet_of, show


def cost(
    study: Study = None,
    flops: Annotated[float | None, typer.Option(help="Compute, FLOP in all.")] = None,
    loss: Annotated[float | None, typer.Option(help="Loss to reach, instead of --flops.")] = None,
    chip: Annotated[str, typer.Option(help="Name in data/thresholds/chips.csv.")] = (
        "NVIDIA H100 SXM5 80GB"
    ),
    chips: Annotated[float | None, typer.Option(help="Chips of the cluster, for days.")] = None,
    utilisation: Annotated[str | None, typer.Option(help="MID or LOW,MID,HIGH.")] = None,
    price: Annotated[str | None, typer.Option(help="USD per chip hour; MID or LOW,MID,HIGH.")] = (
        None
    ),
    power: Annotated[str | None, typer.Option(help="W per chip, with its share of the server.")] = (
        None
    ),
    pue: Annotated[
        str | None, typer.Option(help="Power usage effectiveness of the data centre.")
    ] = None,
    grid: Annotated[str | None, typer.Option(help="kg CO2e per kWh, location-based.")] = None,
    market: Annotated[str | None, typer.Option(help="kg CO2e per kWh, market-based.")] = None,
    grid_dated: Annotated[str, typer.Option(help="Date and source of the intensities.")] = "",
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
    show(
        plan(by, flops=flops, sheet=sheet, loss=loss, law=law, chips=chips, level=level),
        as_json,
        plot,
        opened,
    )
