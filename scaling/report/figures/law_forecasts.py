"""How the laws differ at each target, as a table."""

from __future__ import annotations

from collections.abc import Iterable

from scaling.document.blocks import Cell, Column, Group, Table, table
from scaling.document.cells import both, figure, words
from scaling.document.format import loss, shift
from scaling.report.context import NATS, Context, forecast_place
from scaling.report.names import law_anchor
from scaling.report.sections.forecasts import (
    ENSEMBLE,
    Quantiles,
    TargetForecast,
    interval,
    quantile,
)


def law_table(ctx: Context) -> Table:
    """Study by target by law: median, 90 % interval, difference from the ensemble."""
    columns = (
        Column("target"),
        Column("law"),
        Column("median", numeric=True),
        Column("90 % interval", numeric=True),
        Column("minus ensemble", numeric=True),
    )
    groups = tuple(
        Group(
            study.title, tuple(_law_rows(ctx, (i for i in ctx.forecasts if i.study == study.name)))
        )
        for study in ctx.studies
    )
    note = f"In {NATS}."
    return table("law-table", "Each law's forecast", columns, groups, note, "study", stub=2)


def _law_rows(ctx: Context, items: Iterable[TargetForecast]) -> Iterable[tuple[Cell, ...]]:
    for item in items:
        for law, quantiles in [*item.members.items(), (ENSEMBLE, item.ensemble)]:
            yield _law_row(ctx, item, law, quantiles)


def _law_row(
    ctx: Context, item: TargetForecast, law: str, quantiles: Quantiles
) -> tuple[Cell, ...]:
    median, middle = quantile(quantiles, 0.5), quantile(item.ensemble, 0.5)
    low, high = interval(quantiles, 0.9)
    place = forecast_place(item, law, "")
    apart = None if median is None or middle is None else median - middle
    return (
        words(ctx.target_title(item.target)),
        Cell(law, law, link="" if law == ENSEMBLE else f"#{law_anchor(law)}"),
        figure(median, loss, place + "quantile 0.5", NATS),
        both(low, high, loss, place + "quantiles 0.05 and 0.95", NATS),
        figure(apart, shift, place + "median less the ensemble's", NATS),
    )
