"""The forecasts: every target in every study, as a table and a figure."""

from __future__ import annotations

import math

from scaling.document.blocks import Cell, Column, Figure, Group, Section, Table, Text, table
from scaling.document.cells import both, figure
from scaling.document.format import count, flop, integer, loss, scientific
from scaling.report.context import NATS, Context, Study, forecast_place
from scaling.report.figures.figures import forecast_block
from scaling.report.figures.plot_forecast import ForecastPanel, PlottedTarget, hidden
from scaling.report.read import FORECAST_FILE
from scaling.report.sections.cards import plotted, row_anchor
from scaling.report.sections.distances import outside
from scaling.report.sections.forecasts import ENSEMBLE, LEVELS, TargetForecast, interval, quantile

_READ = (
    "A 90 % interval should contain the loss nine times in ten. Studies differ in data and "
    "tokenizer, so compare losses along a row, not down a column."
)


def headline(ctx: Context) -> Section:
    """Medians and intervals of the ensemble, as a table and against compute."""
    return Section(
        "headline",
        "All forecasts side by side",
        (Text(_READ), headline_table(ctx), forecast_picture(ctx)),
        folded=True,
    )


def headline_table(ctx: Context) -> Table:
    """Target by study: the median, the intervals, the target's size."""
    columns = (
        Column("study"),
        Column("median", numeric=True, strong=True),
        *(Column(f"{100 * level:.0f} % interval", numeric=True) for level in LEVELS),
        Column("params", numeric=True),
        Column("tokens", numeric=True),
        Column("compute", "FLOP", numeric=True),
        Column("outside the runs", "decades"),
    )
    groups = tuple(
        Group(
            ctx.target_title(target),
            tuple(_row(ctx, item) for item in ctx.forecasts if item.target == target),
        )
        for target in ctx.targets()
    )
    note = (
        f"Loss in {NATS}, by each study's model, which also splits a compute budget, so params "
        "and tokens differ. Outside the runs: params N and tokens D beyond those of the largest "
        "fitted run (+), or below the smallest (-)."
    )
    return table("headline-table", "Forecast loss", columns, groups, note, "target")


def _row(ctx: Context, item: TargetForecast) -> tuple[Cell, ...]:
    place = forecast_place(item, ENSEMBLE, "")
    study = ctx.title(item.study)
    return (
        Cell(study, study, origin=FORECAST_FILE, anchor=row_anchor(ctx, item)),
        figure(quantile(item.ensemble, 0.5), loss, place + "quantile 0.5", NATS),
        *(_interval(item, level) for level in LEVELS),
        figure(item.params, count, place + "params", "parameters"),
        figure(item.tokens, count, place + "tokens", "tokens"),
        figure(item.flops, scientific, place + "flops", "FLOP"),
        outside(ctx, item),
    )


def _interval(item: TargetForecast, level: float) -> Cell:
    low, high = interval(item.ensemble, level)
    tail = (1 - level) / 2
    place = forecast_place(item, ENSEMBLE, f"quantiles {tail:.4g} and {1 - tail:.4g}")
    return both(low, high, loss, place, NATS)


def forecast_picture(ctx: Context) -> Figure:
    """The forecast figure of these inputs."""
    panels = forecast_panels(ctx)
    return forecast_block(panels, _caption(panels), "headline-table")


def forecast_panels(ctx: Context) -> list[ForecastPanel]:
    """One small multiple a study, for studies that have a forecast or runs."""
    panels = [_panel(ctx, study) for study in ctx.studies]
    return [panel for panel in panels if panel.runs or panel.aims]


def _panel(ctx: Context, study: Study) -> ForecastPanel:
    aims = [_aim(ctx, item) for item in ctx.forecasts if item.study == study.name]
    largest = study.high("flops")
    return ForecastPanel(
        title=study.title,
        subtitle=f"{study.metric}, {study.unit}",
        runs=plotted(study.runs),
        aims=tuple(aim for aim in aims if aim is not None),
        largest=math.log10(largest) if largest else None,
    )


def _aim(ctx: Context, item: TargetForecast) -> PlottedTarget | None:
    if not item.flops or not item.ensemble:
        return None
    return PlottedTarget(
        ctx.target_title(item.target),
        math.log10(item.flops),
        ctx.budget(item.target),
        item.ensemble,
    )


def _caption(panels: list[ForecastPanel]) -> str:
    parts = [
        "Both axes are logarithmic. Panels share the compute axis but not the loss axis, because "
        "each study measures loss on its own data. Blue bands join the compute budgets by straight "
        "lines; only the dots are computed."
    ]
    largest = [panel.largest for panel in panels if panel.largest is not None]
    if largest:
        parts.append(
            "Shading begins at the largest fitted run of each study "
            f"({flop(10 ** min(largest))} to {flop(10 ** max(largest))}): everything on it is "
            "extrapolation."
        )
    outside = sum(hidden(panel) for panel in panels)
    if outside:
        parts.append(f"{integer(outside)} excluded runs lie above or below the panels.")
    return " ".join(parts)
