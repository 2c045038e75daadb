"""Forecasts, backtests and exponents as tables that print, draw and store themselves.

They are polars tables in every other respect: what is computed from them is an ordinary table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from scaling.io.notebook import Result, html_table, markdown_table, one_line, text_table

if TYPE_CHECKING:
    from scaling.forecasting.distance import Distance

SHOWN = 50
Grid = tuple[list[str], list[list[str]]]


class _Shown(Result, pl.DataFrame):  # type: ignore[misc]  # draws its own chart
    """A table that prints as a shorter one, with its notes.

    What is computed from it has neither of these any more:

    Attributes:
        notes: what a reader must know, sentences: rows left out, inputs chosen, warnings.
        kind: the kind of table that came in, which `to_frame` gives back.
    """

    notes: tuple[str, ...] = ()

    def _grid(self) -> Grid | None:
        """Headings and rows of the short table; None where the columns are not those any more."""
        raise NotImplementedError

    def _remarks(self) -> Sequence[str]:
        """Sentences below the short table."""
        return self.notes

    def to_frame(self) -> Any:
        """The whole table, an ordinary one of the kind that came in."""
        return self._out(pl.DataFrame(self))

    def __str__(self) -> str:
        grid = self._grid()
        if grid is None:
            return "\n".join([super().__str__(), *self.notes])
        return "\n".join(
            [*text_table(grid[0], grid[1][:SHOWN]), "", *_below(grid, self._remarks())]
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self, *, _from_series: bool = False) -> str:
        grid = self._grid()
        if grid is None:
            return super()._repr_html_(_from_series=_from_series)
        return _html(grid, self._remarks())

    def _repr_markdown_(self) -> str:
        grid = self._grid()
        return f"```\n{self}\n```\n" if grid is None else _markdown(grid, self._remarks())


class Forecast(_Shown):
    """Quantiles, one row a planned run and level; it prints as a row a planned run.

    Attributes:
        distance: how far each planned run lies outside the runs; None where no input is a number.
        runs: inputs and target of the runs, which a chart shows; None where they are not at hand.
        further: the forecast of other planned runs, for a chart's fan; None as ``runs``.
    """

    distance: Distance | None = None
    runs: pl.DataFrame | None = None
    further: Callable[[pl.DataFrame], pl.DataFrame] | None = None

    def described(self, distance: Distance | None, notes: Iterable[str]) -> Forecast:
        """The same forecast with its distance, and notes before those of the distance."""
        self.distance = distance
        self.notes = (*notes, *(() if distance is None else distance.warnings()))
        return self

    def _grid(self) -> Grid | None:
        return by_target(self)

    def to_dict(self, *, as_series: bool | None = None) -> dict[str, Any]:
        """Plain values, as ``scaling forecast --json`` prints them; with ``as_series`` the columns,
        as of any polars table."""
        return as_json(self) if as_series is None else super().to_dict(as_series=as_series)


class Backtest(_Shown):
    """Scores, one row a forecast; it prints as their means by method and distance."""

    def _grid(self) -> Grid | None:
        return by_method(self)

    def to_dict(self, *, as_series: bool | None = None) -> dict[str, Any]:
        """Plain values, as ``scaling backtest --json`` prints them; with ``as_series`` the columns,
        as of any polars table."""
        from scaling.forecasting.scores import summary

        if as_series is not None:
            return super().to_dict(as_series=as_series)
        return {"methods": summary(self).to_dicts(), "notes": list(self.notes)}


class Exponents(_Shown):
    """Compute-optimal exponents, one row an approach."""

    @property
    def budget(self) -> float:
        """FLOP at which N* and D* are given, 6 N* D*; NaN where no approach has an answer."""
        known = self.drop_nulls("params") if "params" in self.columns else self.clear()
        return float(6.0 * known["params"][0] * known["tokens"][0]) if known.height else math.nan

    def _grid(self) -> Grid | None:
        return by_approach(self)

    def _remarks(self) -> Sequence[str]:
        known = self.filter(pl.col("note") != "") if "note" in self.columns else self.clear()
        said: dict[str, list[str]] = {}
        for one in known.to_dicts():
            groups = said.setdefault(f"{one['approach']}: {one['note']}", [])
            groups += [one["group"]] if "group" in one else []
        whom = [f"{', '.join(groups)}; " if groups else "" for groups in said.values()]
        return [*(a + b for a, b in zip(whom, said, strict=True)), *self.notes]

    def to_dict(self, *, as_series: bool | None = None) -> dict[str, Any]:
        """Plain values, as ``scaling exponents --json`` prints them; with ``as_series`` the
        columns, as of any polars table."""
        if as_series is not None:
            return super().to_dict(as_series=as_series)
        budget = self.budget
        return {"budget": budget if budget == budget else None, "exponents": self.to_dicts()}


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


def by_approach(table: Exponents) -> Grid | None:
    """Headings and rows: approach, law, exponent, N* and tokens per param at the budget."""
    if not {"approach", "law", "a", "params", "tokens_per_param"} <= set(table.columns):
        return None
    head = ["approach", "law", "a", f"N* at {table.budget:.3g} FLOP, params", "D*/N*, tokens/param"]
    names = ("a", "params", "tokens_per_param")
    rows = [
        [row["approach"], row["law"], *(_with_ends(row, name) for name in names)]
        for row in table.to_dicts()
    ]
    if {"group", "difference", "p_equal"} <= set(table.columns):
        head = ["group", *head, "difference in a", "p_equal"]
        rows = [
            [row["group"], *cells, _with_ends(row, "difference"), _probability(row["p_equal"])]
            for row, cells in zip(table.to_dicts(), rows, strict=True)
        ]
    return head, rows


def _probability(p: float | None) -> str:
    return "" if p is None else f"{p:.2g}"


def _with_ends(row: dict[str, Any], name: str) -> str:
    """A figure with its 90 % interval, or a dash."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if row[name] is None or low is None or high is None or math.isnan(low):
        return _cell(row[name])
    return f"{_cell(row[name])} ({low:.4g} to {high:.4g})"


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
