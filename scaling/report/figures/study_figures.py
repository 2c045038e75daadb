"""Figures of one study, law by law, each with the table of its numbers behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.document.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Fold,
    Group,
    Panel,
    Swatch,
    Table,
    table,
)
from scaling.document.cells import both as exact_ends
from scaling.document.cells import figure as exact
from scaling.document.format import count, flop, integer, loss, percent, plain, scientific, shift
from scaling.document.legend import box, dot, line, swatch
from scaling.document.svg import Plot
from scaling.fitting.result import Fit
from scaling.forecasting.model_surface import MODEL
from scaling.report.context import Context, Study
from scaling.report.figures import curves
from scaling.report.figures.plot_detail import (
    fit_plot,
    frontier_plot,
    residual_plot,
    valley_plot,
)

_LAW = swatch("law, as fitted", line("median", 8, 2))
_BANDS = swatch("50 and 90 % of the draws", box("band90", 1, 14), box("band50", 5, 6))
_BAND = swatch("90 % of the draws", box("band90", 1, 14))
_RUN = swatch("run", dot("run", 3.2))
# Computed numbers are kept to this many digits: the draws say less.
DIGITS = 7
Law = tuple[str, Fit]
Form = Callable[[float], str]


def study_figures(ctx: Context, study: Study, index: int) -> list[Block]:
    """What can be drawn of the study: nothing without its draws, or without compute."""
    # The model is drawn as the forecast; here the laws stand, each for itself.
    found = [
        (name, one) for name, one in study.stored.items() if curves.supported(one) and name != MODEL
    ]
    runs = study.used.filter(pl.col("value") > 0) if study.used.height else study.used
    if not found or runs["flops"].null_count() == runs.height:
        return []
    reach = [item.flops for item in ctx.forecasts if item.study == study.name and item.flops]
    parts = (
        _fits(study, found, runs, max([*reach, 0.0]), index),
        _residuals(study, found, runs, index),
        _valleys(study, found, runs, index),
        _frontiers(study, found, runs, max([*reach, 0.0]), index),
    )
    return [block for blocks in parts for block in blocks]


def _grid(runs: pl.DataFrame, reach: float, points: int) -> Array:
    """Compute from the smallest run to the farthest target."""
    known = runs["flops"].drop_nulls().to_numpy()
    return np.geomspace(float(known.min()), max(float(known.max()), reach), points)


def _decades(runs: pl.DataFrame, reach: float) -> Array:
    """Powers of ten of compute from the smallest run to the farthest target."""
    low, high = np.log10(_grid(runs, reach, 2))
    return 10.0 ** np.arange(np.ceil(low - 1e-9), np.floor(high + 1e-9) + 1)


# --------------------------------------------------------------------------- fit and bands


def _fits(
    study: Study, found: Sequence[Law], runs: pl.DataFrame, reach: float, index: int
) -> list[Block]:
    grid = _grid(runs, reach, 17)
    spots = runs["flops"].to_numpy(), runs["value"].to_numpy()
    largest = study.high("flops")
    panels = [
        (name, fit_plot(curves.along(one, runs, grid), spots, largest), _fit_alt(study, name))
        for name, one in found
    ]
    behind = _fit_table(study, found, runs, _decades(runs, reach), index)
    caption = (
        "Each law along the runs' usual split of compute into params and tokens (a straight line "
        "of log params on log compute), so runs with another split lie off the line. Shading "
        "lies beyond every fitted run."
    )
    return with_table(
        _figure(
            f"fit-{index}",
            "Runs, law and bands",
            caption,
            study,
            panels,
            (_LAW, _BANDS, _RUN),
            behind,
        )
    )


def _fit_alt(study: Study, name: str) -> str:
    return f"{name} on {study.title}: loss against compute, {integer(study.used.height)} runs."


def _fit_table(
    study: Study, found: Sequence[Law], runs: pl.DataFrame, flops: Array, index: int
) -> Table:
    columns = (
        Column("compute", "FLOP", numeric=True),
        Column("params", numeric=True),
        Column("tokens", numeric=True),
        Column("loss", numeric=True, strong=True),
        Column("50 % of draws", numeric=True),
        Column("90 % of draws", numeric=True),
    )
    params, tokens = curves.usual(runs, flops)
    groups = tuple(
        Group(name, tuple(_fit_rows(study, name, curves.along(one, runs, flops), params, tokens)))
        for name, one in found
    )
    title = "Laws along the usual split"
    return table(f"fit-curve-{index}", title, columns, groups, "", "law")


def _fit_rows(
    study: Study, name: str, band: curves.Band, params: Array, tokens: Array
) -> Iterable[tuple[Cell, ...]]:
    place = f"{study.fit_file}#{name}, "
    for i, flops in enumerate(band.x):
        ends = [None] * 4 if band.ends is None else [float(end) for end in band.ends[:, i]]
        yield (
            figure(float(flops), scientific, f"{study.run_file}#powers of ten in range", "FLOP"),
            figure(float(params[i]), count, f"{study.run_file}#usual split", "parameters"),
            figure(float(tokens[i]), count, f"{study.run_file}#usual split", "tokens"),
            figure(float(band.middle[i]), loss, place + "parameters", study.unit),
            both(ends[1], ends[2], loss, place + "draws", study.unit),
            both(ends[0], ends[3], loss, place + "draws", study.unit),
        )


# --------------------------------------------------------------------------- residuals


def _residuals(study: Study, found: Sequence[Law], runs: pl.DataFrame, index: int) -> list[Block]:
    left = [(name, *curves.residuals(one, runs)) for name, one in found]
    panels = [
        (name, residual_plot(flops, logs), f"{name} on {study.title}: residuals against compute.")
        for name, flops, logs in left
    ]
    columns = (
        Column("runs by compute"),
        Column("runs", numeric=True),
        Column("mean", numeric=True),
        Column("root mean square", numeric=True),
        Column("largest", numeric=True),
    )
    groups = tuple(
        Group(name, tuple(_residual_rows(study, name, flops, logs))) for name, flops, logs in left
    )
    note = "Log of predicted over observed, as percentages; positive where the law is too high."
    behind = table(f"residual-table-{index}", "Residuals", columns, groups, note, "law")
    caption = (
        "Predicted over observed loss. Residuals should show no trend: a bend at the largest runs "
        "means that the law fails where the forecast begins."
    )
    return with_table(
        _figure(f"residuals-{index}", "Residuals", caption, study, panels, (_RUN,), behind)
    )


def _residual_rows(
    study: Study, name: str, flops: Array, logs: Array
) -> Iterable[tuple[Cell, ...]]:
    place = f"{study.run_file} + {study.fit_file}#{name}, log of predicted over observed"
    order = np.argsort(flops, kind="stable")
    thirds = np.array_split(logs[order], 3) if len(logs) >= 3 else []
    names = ("smallest third", "middle third", "largest third")
    for label, part in (*zip(names, thirds, strict=False), ("all", logs)):
        if len(part):
            rms, most = float(np.sqrt(np.mean(part**2))), float(np.abs(part).max())
            yield (
                Cell(label, label),
                figure(float(len(part)), integer, place, "rows"),
                figure(float(part.mean()), _signed, place),
                figure(rms, percent, place),
                figure(most, percent, place),
            )


def _signed(value: float) -> str:
    return f"{shift(100 * value, 2)} %"


# --------------------------------------------------------------------------- valleys


def _valleys(study: Study, found: Sequence[Law], runs: pl.DataFrame, index: int) -> list[Block]:
    laws = [(name, curves.budgets(one, runs)) for name, one in found]
    laws = [(name, budgets) for name, budgets in laws if len(budgets) > 1]
    if not laws:
        return []
    panels = [
        (
            name,
            valley_plot(budgets),
            f"{name} on {study.title}: loss against params at each budget.",
        )
        for name, budgets in laws
    ]
    columns = (
        Column("budget", "FLOP", numeric=True),
        Column("runs", numeric=True),
        Column("best run", "params", numeric=True),
        Column("its loss", numeric=True),
        Column("law's best", "params", numeric=True),
        Column("law's loss there", numeric=True),
    )
    groups = tuple(
        Group(name, tuple(_valley_row(study, name, one) for one in budgets))
        for name, budgets in laws
    )
    note = "The law's best is the lowest of 25 sizes across the budget's runs."
    behind = table(f"valley-table-{index}", "Valleys", columns, groups, note, "law")
    caption = (
        f"Runs within {10**curves.NEAR - 1:.0%} of a budget, at each budget with at least "
        f"{curves.SIZES} sizes; lines are the law at that budget. The lowest point is the size to "
        "train there."
    )
    return with_table(
        _figure(f"valleys-{index}", "IsoFLOP valleys", caption, study, panels, (_LAW, _RUN), behind)
    )


def _valley_row(study: Study, name: str, one: curves.Budget) -> tuple[Cell, ...]:
    best, least = int(np.argmin(one.loss)), int(np.argmin(one.curve[1]))
    runs, law = f"{study.run_file}#flops near the budget", f"{study.fit_file}#{name}, parameters"
    return (
        figure(one.flops, scientific, runs, "FLOP"),
        figure(float(len(one.params)), integer, runs, "rows"),
        figure(float(one.params[best]), count, runs, "parameters"),
        figure(float(one.loss[best]), loss, runs, study.unit),
        figure(float(one.curve[0][least]), count, law, "parameters"),
        figure(float(one.curve[1][least]), loss, law, study.unit),
    )


# --------------------------------------------------------------------------- frontier


def _frontiers(
    study: Study, found: Sequence[Law], runs: pl.DataFrame, reach: float, index: int
) -> list[Block]:
    grid, decades = _grid(runs, reach, 12), _decades(runs, reach)
    laws = [
        (name, along, at)
        for name, one in found
        if (along := curves.frontier(one, grid)) and (at := curves.frontier(one, decades))
    ]
    if not laws:
        return []
    panels = [
        (name, frontier_plot(along, study.high("flops")), _frontier_alt(study, name, at))
        for name, along, at in laws
    ]
    columns = (
        Column("compute", "FLOP", numeric=True),
        Column("N*, params", numeric=True, strong=True),
        Column("90 % of draws", numeric=True),
        Column("D*, tokens", numeric=True, strong=True),
        Column("90 % of draws", numeric=True),
        Column("tokens per param", numeric=True),
    )
    groups = tuple(Group(name, tuple(_frontier_rows(study, name, at))) for name, _, at in laws)
    behind = table(f"frontier-table-{index}", "Compute-optimal sizes", columns, groups, "", "law")
    caption = (
        "The split of compute, counted as 6ND, that gives the lowest loss by the law, with the "
        "interval of its draws."
    )
    return with_table(
        _figure(
            f"frontier-{index}",
            "Compute-optimal frontier",
            caption,
            study,
            panels,
            (_LAW, _BAND),
            behind,
            "params and tokens against compute",
        )
    )


def _frontier_alt(study: Study, name: str, at: curves.Frontier) -> str:
    ends = f"{count(at.params.middle[-1])} params and {count(at.tokens.middle[-1])} tokens"
    last = flop(at.params.x[-1])
    return f"{name} on {study.title}: optimal sizes against compute, {ends} at {last}."


def _frontier_rows(study: Study, name: str, at: curves.Frontier) -> Iterable[tuple[Cell, ...]]:
    place = f"{study.fit_file}#{name}, "
    for i, flops in enumerate(at.params.x):
        n, d = float(at.params.middle[i]), float(at.tokens.middle[i])
        yield (
            figure(float(flops), scientific, f"{study.run_file}#powers of ten in range", "FLOP"),
            figure(n, count, place + "parameters, least loss at 6ND", "parameters"),
            _ends(at.params, i, place + "draws", "parameters"),
            figure(d, count, place + "parameters, least loss at 6ND", "tokens"),
            _ends(at.tokens, i, place + "draws", "tokens"),
            figure(d / n, lambda value: plain(value, 3), place + "D* over N*"),
        )


def _ends(band: curves.Band, i: int, place: str, unit: str) -> Cell:
    low, high = (None, None) if band.ends is None else map(float, band.ends[:, i])
    return both(low, high, count, place, unit)


# --------------------------------------------------------------------------- blocks


def _figure(
    name: str,
    title: str,
    caption: str,
    study: Study,
    panels: Sequence[tuple[str, Plot, str]],
    legend: tuple[Swatch, ...],
    behind: Table,
    drawn_in: str | None = None,
) -> tuple[Figure, Table]:
    """A plot a law; ``drawn_in`` is what they show, None for the metric."""
    unit = drawn_in or f"{study.metric}, {study.unit}"
    drawn_panels = tuple(
        Panel(law, unit, alt, plot.svg, (("study", study.title), ("law", law)))
        for law, plot, alt in panels
    )
    alt = f"{title}, one plot a law of {study.title}."
    drawn = Figure(name, title, caption, alt, drawn_panels, legend, behind.id, size="middle")
    return drawn, behind


def with_table(pair: tuple[Figure, Table]) -> list[Block]:
    """The figure, and its numbers in a fold."""
    title = f"{pair[0].title}: the numbers"
    return [pair[0], Fold(title, (pair[1],), f"{pair[1].id}-fold")]


def figure(value: float, form: Form, origin: str, unit: str = "") -> Cell:
    """A computed number."""
    return exact(_short(value), form, origin, unit)


def both(low: float | None, high: float | None, form: Form, origin: str, unit: str = "") -> Cell:
    """Two computed ends."""
    ends = [None if end is None else _short(end) for end in (low, high)]
    return exact_ends(ends[0], ends[1], form, origin, unit)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
