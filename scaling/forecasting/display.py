"""Forecasts and backtests as tables that show themselves in notebooks.

They are polars tables in every other respect: what is computed from them is an ordinary table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from scaling.io.notebook import html_table, markdown_table, one_line

if TYPE_CHECKING:
    from scaling.forecasting.distance import Distance

SHOWN = 50
Grid = tuple[list[str], list[list[str]]]


class Forecast(pl.DataFrame):
    """Quantiles, one row a planned run and level; a notebook shows a row a planned run.

    What is computed from it has neither of these any more:

    Attributes:
        distance: how far each planned run lies outside the runs; None where no input is a number.
        notes: what a reader must know, sentences: inputs chosen or left out, warnings.
    """

    distance: Distance | None = None
    notes: tuple[str, ...] = ()

    def described(self, distance: Distance | None, notes: Iterable[str]) -> Forecast:
        """The same forecast with its distance, and notes before those of the distance."""
        self.distance = distance
        self.notes = (*notes, *(() if distance is None else distance.warnings()))
        return self

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *self.notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self, *, _from_series: bool = False) -> str:
        grid = by_target(self)
        if grid is None:
            return super()._repr_html_(_from_series=_from_series)
        return _html(grid, self.notes)

    def _repr_markdown_(self) -> str:
        grid = by_target(self)
        return f"```\n{self}\n```\n" if grid is None else _markdown(grid, self.notes)


class Backtest(pl.DataFrame):
    """Scores, one row a forecast; a notebook shows their means by method and distance."""

    def _repr_html_(self, *, _from_series: bool = False) -> str:
        grid = by_method(self)
        return super()._repr_html_(_from_series=_from_series) if grid is None else _html(grid)

    def _repr_markdown_(self) -> str:
        grid = by_method(self)
        return f"```\n{self}\n```\n" if grid is None else _markdown(grid)


def by_target(table: pl.DataFrame) -> Grid | None:
    """Headings and rows: the columns of the planned run, the median, the intervals.

    None where the table is no longer a forecast: not the same levels for every planned run.
    """
    if not {"quantile", "value"} <= set(table.columns) or table.is_empty():
        return None
    levels = table["quantile"].unique(maintain_order=True).to_list()
    if table["quantile"].to_list() != levels * (table.height // len(levels)):
        return None
    values = table["value"].to_numpy().reshape(-1, len(levels)).tolist()
    given = table.drop("quantile", "value").gather_every(len(levels))
    places = {round(level, 9): place for place, level in enumerate(levels)}
    pairs = [(low, round(1 - low, 9)) for low in sorted(places, reverse=True) if low < 0.5]
    ends = [(places[low], places[high]) for low, high in pairs if high in places]
    alone = sorted(set(range(len(levels))) - {place for pair in ends for place in pair})
    names = ["median" if levels[i] == 0.5 else f"{100 * levels[i]:g} % point" for i in alone]
    names += [f"{100 * (levels[high] - levels[low]):.4g} % interval" for low, high in ends]
    rows = [
        [*map(_cell, row), *(f"{v[i]:.4g}" for i in alone), *(_between(v, pair) for pair in ends)]
        for row, v in zip(given.iter_rows(), values, strict=True)
    ]
    if isinstance(table, Forecast) and table.distance is not None:
        names.append("decades outside the runs")
        rows = [
            [*row, ", ".join(out)] for row, out in zip(rows, table.distance.words(), strict=True)
        ]
    return [*given.columns, *names], rows


def as_json(table: Forecast) -> dict[str, Any]:
    """A forecast as JSON: of each planned run its columns, its quantiles by level and how far it
    lies outside the runs; and the notes."""
    levels = table["quantile"].unique(maintain_order=True).to_list()
    values = table["value"].to_numpy().reshape(-1, len(levels)).tolist()
    given = table.drop("quantile", "value").gather_every(len(levels)).to_dicts()
    out = [None] * len(given) if table.distance is None else table.distance.to_dicts()
    targets = [
        {"run": run, "quantiles": dict(zip(map(str, levels), row, strict=True)), "distance": far}
        for run, row, far in zip(given, values, out, strict=True)
    ]
    return {"targets": targets, "notes": list(table.notes)}


def by_method(table: pl.DataFrame) -> Grid | None:
    """Headings and rows: method, distance, how many, errors, shares inside, skill."""
    from scaling.forecasting.scores import summary

    if not {"method", "decades", "log_error", "crps", "in90"} <= set(table.columns):
        return None
    head = ["method", "decades", "forecasts", "error", "bias", "CRPS", "in 50", "in 90", "skill"]
    rows = [
        [
            row["method"],
            "all" if row["low"] is None else f"{row['low']:g} to {row['high']:g}",
            str(row["forecasts"]),
            *(_cell(row[name]) for name in ("error", "bias", "crps", "in50", "in90", "skill")),
        ]
        for row in summary(table).to_dicts()
    ]
    return head, rows


def _cell(value: object) -> str:
    if value is None:
        return "\u2014"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _between(values: Sequence[float], ends: tuple[int, int]) -> str:
    return f"{values[ends[0]]:.4g} to {values[ends[1]]:.4g}"


def _html(grid: Grid, notes: Sequence[str] = ()) -> str:
    shown = html_table(grid[0], grid[1][:SHOWN])
    return f"<div>{shown}{''.join(f'<p>{escape(one)}</p>' for one in _below(grid, notes))}</div>"


def _markdown(grid: Grid, notes: Sequence[str] = ()) -> str:
    lines = markdown_table(grid[0], grid[1][:SHOWN])
    below = [line for one in _below(grid, notes) for line in ("", one_line(one))]
    return "\n".join([*lines, *below]) + "\n"


def _below(grid: Grid, notes: Sequence[str]) -> list[str]:
    more = len(grid[1]) - SHOWN
    return [*([f"and {more} more"] if more > 0 else []), *notes]
