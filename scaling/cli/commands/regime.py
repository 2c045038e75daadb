"""The regime of theory that a fitted exponent is compatible with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from scaling.cli.commands._options import (
    ASK,
    Json,
    Level,
    Maps,
    Metric,
    OneLaw,
    Table,
    Target,
    print_json,
    working,
)
from scaling.errors import InputError

PANEL = ASK


def regime(
    table: Table,
    law: OneLaw = "chinchilla",
    param: Annotated[list[str] | None, typer.Option(help="Exponent of the law; repeat.")] = None,
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
    dimension: Annotated[
        str | None, typer.Option(help="LOW,HIGH: intrinsic dimension of the data, where known.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=2, help="Resamples for the interval.")] = 500,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Test which theoretical regime a fitted exponent is compatible with."""
    from scaling.analysis.regimes import exponent
    from scaling.cli.commands._table import read
    from scaling.fitting.engine import fit

    given = read(table, maps).of_metric(metric, target)
    with given.placed(), working(f"Fitting {law}", quiet=as_json):
        made = fit(given.frame, law, target=target, resamples=resamples)
        names = param or [name for name in made.law.names if name in ("alpha", "beta", "c", "b")]
        size = None if dimension is None else _pair(dimension)
        found = {name: exponent(made, name, level=level, dimension=size) for name in names}
    if as_json:
        print_json({name: asdict(one) for name, one in found.items()})
        return
    for name, one in found.items():
        typer.echo(f"{name}: {one.sentence}")
    typer.echo(f"Of one law alone: {made.law.title}, not of the study's model.")


def _pair(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError("not a range", value=text, allowed="LOW,HIGH") from None
    return low, high
