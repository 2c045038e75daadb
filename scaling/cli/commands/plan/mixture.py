"""The shares of training domains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.cli.commands._options import Json, Level, Maps, Open, Plot, Resamples, working
from scaling.cli.commands.plan._shared import show
from scaling.errors import InputError

if TYPE_CHECKING:
    from scaling.cli.commands._table import Given


def mixture(
    runs: Annotated[
        Path, typer.Option(help="Table with mixture (web=0.7;code=0.3) and loss, or metric, value.")
    ],
    weigh: Annotated[
        list[str] | None,
        typer.Option(help="Validation domain to weigh, as METRIC or METRIC=WEIGHT; repeat."),
    ] = None,
    bound: Annotated[
        list[str] | None,
        typer.Option(help="Bounds of a training domain's share, NAME=LOW:HIGH; repeat."),
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(help="Also the best other shares at several shares of this domain."),
    ] = None,
    where: Annotated[
        str | None, typer.Option(help="SQL condition of the rows to fit, as in one size.")
    ] = None,
    maps: Maps = None,
    resamples: Resamples = 50,
    level: Level = 0.9,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Shares of training domains that give the least loss, by a mixture law fitted to a table."""
    from scaling.cli.commands._table import read
    from scaling.laws._mixtures import with_mixture
    from scaling.plan import stored
    from scaling.plan.mixtures import LAW
    from scaling.plan.mixtures import mixture as plan

    weights = dict(_weight(text) for text in weigh or [])
    given = read(runs, maps)
    with given.placed():
        with_mixture(given.frame)  # refused before anything is fitted
    given = _kept(given.renamed("value", "loss"), where)
    if weights and "metric" in given.frame.columns:
        with given.placed():
            _known("metric", list(weights), given.frame["metric"].unique().to_list())
        given = given.kept(given.frame["metric"].is_in(list(weights)))
    frame = given.frame
    with given.placed(), working(f"Fitting {runs}", quiet=as_json):
        sheet = stored.fitted(
            frame, (LAW,), label=runs.name, resamples=resamples, units=given.units
        )
        limits = dict(_limits(text) for text in bound or [])
        made = plan(sheet, frame, weights=weights or None, bounds=limits, share=share, level=level)
    show(made, as_json, plot, opened)


def _known(column: str, names: list[str], known: list[str]) -> None:
    for name in names:
        if name not in known:
            allowed = ", ".join(sorted(known)[:20])
            raise InputError("not in the table", column=column, value=name, allowed=allowed)


def _kept(given: Given, where: str | None) -> Given:
    """The rows that meet a condition.

    Raises:
        InputError: one that cannot be read, or that no row meets.
    """
    if where is None:
        return given
    import polars as pl

    try:
        kept = given.kept(given.frame.with_columns(_kept=pl.sql_expr(where))["_kept"])
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"--where cannot be read: {str(error).splitlines()[0]}",
            file=given.file,
            value=where,
            allowed="a polars SQL condition over the columns of the table",
        ) from error
    if kept.frame.is_empty():
        raise InputError(
            "no row left", file=given.file, value=where, allowed="a condition that some meet"
        )
    return kept


def _weight(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value) if value else 1.0
    except ValueError:
        raise InputError("--weigh cannot be read", value=text, allowed="METRIC=WEIGHT") from None


def _limits(text: str) -> tuple[str, tuple[float, float]]:
    name, _, ends = text.partition("=")
    low, _, high = ends.partition(":")
    try:
        return name, (float(low), float(high))
    except ValueError:
        raise InputError("--bound cannot be read", value=text, allowed="NAME=LOW:HIGH") from None
