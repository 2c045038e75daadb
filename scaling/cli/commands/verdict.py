"""Commands that end in a verdict: growth in time, theory regime, emergence, inverse scaling."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling.cli.commands._options import ASK, Json, Level
from scaling.errors import InputError, counted

if TYPE_CHECKING:
    from scaling.cli.commands._table import Given

Table = Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL, one row a result.")]
Maps = Annotated[
    list[str] | None, typer.Option("--map", help="NAME=COLUMN: the table's column for NAME.")
]
Metric = Annotated[
    str | None, typer.Option(help="Keep the rows of this metric, whose `value` becomes the score.")
]
Score = Annotated[str, typer.Option(help="Column of the score or quantity.")]
Scale = Annotated[str, typer.Option(help="Column of the scale: flops, params, ...")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (growth, regime, emergence, inverse):
        app.command(rich_help_panel=ASK)(command)


def growth(
    table: Table,
    date: Annotated[str, typer.Option(help="Column of dates.")] = "observed",
    score: Score = "value",
    maps: Maps = None,
    metric: Metric = None,
    best: Annotated[
        int, typer.Option(min=0, help="Only rows among this many highest of their day; 0 for all.")
    ] = 0,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """How fast a quantity grows in time: factor per year and doubling time."""
    from scaling.analysis import trends
    from scaling.cli.commands._table import read
    from scaling.fitting.data import positive

    given = read(table, maps).of_metric(metric, score)
    given.require(date)
    with given.placed():
        days, values = given.frame[date], positive(given.frame, score)
        if best:
            kept = trends.running_best(days, values, best)
            days, values = days.filter(kept), values[kept]
        found = trends.growth(days, values, level=level)
    _show(found, as_json)


def regime(
    table: Table,
    law: Annotated[str, typer.Option(help="Law family.")] = "chinchilla",
    param: Annotated[list[str] | None, typer.Option(help="Exponent; repeat for more.")] = None,
    maps: Maps = None,
    metric: Metric = None,
    target: Annotated[str, typer.Option(help="Column to explain.")] = "loss",
    dimension: Annotated[
        str | None, typer.Option(help="LOW,HIGH of the data's intrinsic dimension, where known.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=2, help="For the interval.")] = 500,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Which regime of theory a fitted exponent is compatible with."""
    from scaling.analysis.regimes import exponent
    from scaling.cli.commands._table import read
    from scaling.fitting.engine import fit

    given = read(table, maps).of_metric(metric, target)
    with given.placed():
        made = fit(given.frame, law, target=target, resamples=resamples)
        names = param or [name for name in made.law.names if name in ("alpha", "beta", "c", "b")]
        size = None if dimension is None else _pair(dimension)
        found = {name: exponent(made, name, level=level, dimension=size) for name in names}
    if as_json:
        _print_json({name: asdict(one) for name, one in found.items()})
        return
    for name, one in found.items():
        typer.echo(f"{name}: {one.sentence}")


def emergence(
    table: Table,
    scale: Scale = "flops",
    score: Score = "value",
    maps: Maps = None,
    metric: Metric = None,
    tokens: Annotated[float, typer.Option(help="Tokens of an answer that must be right.")] = 1.0,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Did an ability emerge, or does a smooth law foretell the largest scales as well?"""
    from scaling.analysis.emergence import emergence as answer
    from scaling.cli.commands._table import read
    from scaling.fitting.data import number, positive

    given = _complete(read(table, maps).of_metric(metric, score), (scale, score))
    with given.placed():
        x, y = positive(given.frame, scale), number(given.frame, score)
        found = answer(x, y, answer_tokens=tokens, level=level)
    _show(found, as_json)


def inverse(
    table: Table,
    scale: Scale = "params",
    score: Score = "value",
    maps: Maps = None,
    metric: Metric = None,
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="For losses and error rates.")
    ] = False,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Does more make it worse? Slope, curvature and turn of a score in log scale."""
    from scaling.analysis.inverse import inverse as answer
    from scaling.cli.commands._table import read
    from scaling.fitting.data import number, positive

    given = _complete(read(table, maps).of_metric(metric, score), (scale, score))
    with given.placed():
        x, y = positive(given.frame, scale), number(given.frame, score)
        found = answer(x, y, higher_is_better=not lower_is_better, level=level)
    _show(found, as_json)


def _complete(given: Given, names: tuple[str, ...]) -> Given:
    """Rows with all of these columns; says on standard error how many were left out."""
    known = [name for name in names if name in given.frame.columns]
    kept = given
    for name in known:
        kept = kept.kept(kept.frame[name].is_not_null())
    left = given.frame.height - kept.frame.height
    if left:
        typer.echo(f"{counted(left, 'row')} without {' or '.join(known)} left out.", err=True)
    return kept


def _pair(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError("not a range", value=text, allowed="LOW,HIGH") from None
    return low, high


def _show(found: Any, as_json: bool) -> None:
    if as_json:
        _print_json(_plain(asdict(found) | {"sentence": found.sentence}))
    else:
        typer.echo(found.sentence)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Arrays as lists, for JSON."""
    return {key: one.tolist() if hasattr(one, "tolist") else one for key, one in value.items()}


def _print_json(value: dict[str, Any]) -> None:
    from scaling.io.json_files import json_text

    typer.echo(json_text(value), nl=False)
