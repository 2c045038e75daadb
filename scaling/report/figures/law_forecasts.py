"""How the laws differ at each target: the figure and the table behind it."""

from __future__ import annotations

from collections.abc import Iterable

from scaling.document.blocks import Cell, Column, Figure, Group, Table, table
from scaling.document.cells import both, figure, words
from scaling.document.format import loss, shift
from scaling.report.context import NATS, Context, Study, forecast_place
from scaling.report.figures.figures import law_block
from scaling.report.figures.plot_laws import LawGroup, LawPanel, LawRow
from scaling.report.sections.forecasts import (
    ENSEMBLE,
    LEVELS,
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
        Group(study.name, tuple(_law_rows(i for i in ctx.forecasts if i.study == study.name)))
        for study in ctx.studies
    )
    note = f"In {NATS}."
    return table("law-table", "Each law's forecast", columns, groups, note, "study", stub=2)


def _law_rows(items: Iterable[TargetForecast]) -> Iterable[tuple[Cell, ...]]:
    for item in items:
        for law, quantiles in [*item.members.items(), (ENSEMBLE, item.ensemble)]:
            yield _law_row(item, law, quantiles)


def _law_row(item: TargetForecast, law: str, quantiles: Quantiles) -> tuple[Cell, ...]:
    median, middle = quantile(quantiles, 0.5), quantile(item.ensemble, 0.5)
    low, high = interval(quantiles, 0.9)
    place = forecast_place(item, law, "")
    apart = None if median is None or middle is None else median - middle
    return (
        words(item.target),
        words(law),
        figure(median, loss, place + "quantile 0.5", NATS),
        both(low, high, loss, place + "quantiles 0.05 and 0.95", NATS),
        figure(apart, shift, place + "median less the ensemble's", NATS),
    )


def law_picture(ctx: Context) -> Figure:
    """The figure that compares the laws."""
    panels = [_law_panel(ctx, study) for study in ctx.studies]
    caption = (
        "At each target, every law's median and 90 % interval as the difference from the "
        "ensemble's median. Where the dots lie far apart, the choice of law matters more than "
        "the noise in the runs. A triangle marks an interval that extends beyond the panel."
    )
    return law_block([panel for panel in panels if panel.groups], caption, "law-table")


def _law_panel(ctx: Context, study: Study) -> LawPanel:
    items = [item for item in ctx.forecasts if item.study == study.name]
    groups = [group for item in items if (group := _law_group(item))]
    return LawPanel(study.name, f"{study.metric}, {study.unit}", tuple(groups))


def _law_group(item: TargetForecast) -> LawGroup | None:
    middle = quantile(item.ensemble, 0.5)
    if middle is None or not item.members:
        return None
    ends = {level: interval(item.ensemble, level) for level in LEVELS}
    bands = {
        level: (low - middle, high - middle)
        for level, (low, high) in ends.items()
        if low is not None and high is not None
    }
    rows = (_drawn(law, quantiles, middle) for law, quantiles in item.members.items())
    return LawGroup(item.target, bands, tuple(row for row in rows if row is not None))


def _drawn(law: str, quantiles: Quantiles, middle: float) -> LawRow | None:
    median = quantile(quantiles, 0.5)
    if median is None:
        return None
    low, high = interval(quantiles, 0.9)
    return LawRow(
        law,
        median - middle,
        (median if low is None else low) - middle,
        (median if high is None else high) - middle,
    )
