"""How the same method does where the outcome is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scaling.document.blocks import Cell, Column, Fold, Group, Table, Text, table
from scaling.document.cells import figure, words
from scaling.document.format import clean, integer, percent, plain, share
from scaling.io.json_files import as_list, as_map, as_number
from scaling.report.context import Context

ENSEMBLE = "ensemble"
# Decades at which the last distance is open.
OPEN = 100.0
LEVELS = (50, 80, 90, 95)


def backtest_blocks(ctx: Context) -> tuple[Text | Table | Fold, ...]:
    """A paragraph and a table; nothing without backtests."""
    overall = backtest_table(
        ctx, "backtest-table", "Forecasts of larger runs from smaller ones", pooled=True
    )
    if not any(group.rows for group in overall.groups):
        return ()
    by_distance = backtest_table(ctx, "backtest-distance", "Backtests by distance", pooled=False)
    return (
        Text(
            "Each study's larger runs were forecast from its smaller ones, at several origins, "
            "with the settings of the forecasts above. A calibrated interval covers the outcome as "
            "often as its level states. Skill is the reduction of CRPS relative to carrying the "
            "last value forward."
        ),
        overall,
        Fold("By distance outside the known runs", (by_distance,), "distance-fold"),
    )


def interval_coverage(ctx: Context) -> str:
    """How often 90 % intervals covered the outcome, in words; empty without backtests."""
    found = [
        (inside_90, count)
        for study in ctx.studies
        for line in _lines(ctx, study.name)
        if line.get("method") == ENSEMBLE
        and line.get("low") is None
        and (inside_90 := as_number(line.get("in90"))) is not None
        and (count := as_number(line.get("forecasts")))
    ]
    if not found:
        return ""
    total = sum(count for _, count in found)
    inside = sum(inside_90 * count for inside_90, count in found) / total
    return (
        f"In backtests, 90 % intervals covered {share(inside)} of {integer(total)} outcomes "
        f"({len(found)} studies)."
    )


def backtest_table(ctx: Context, name: str, title: str, *, pooled: bool) -> Table:
    """Scores by study and method, for all distances together or by distance."""
    columns = (
        Column("method"),
        Column("outside the known runs", "decades"),
        Column("forecasts", numeric=True),
        Column("mean absolute error", numeric=True),
        Column("CRPS", numeric=True),
        *(Column(f"inside {level} %", numeric=True) for level in LEVELS),
        Column("skill", numeric=True),
    )
    groups = tuple(
        Group(
            study.title,
            tuple(
                _row(study.name, line)
                for line in _lines(ctx, study.name)
                if (line.get("low") is None) == pooled
            ),
        )
        for study in ctx.studies
    )
    note = "Errors and scores are of log loss, as percentages."
    return table(name, title, columns, groups, note, "study")


def _lines(ctx: Context, study: str) -> list[Mapping[str, Any]]:
    return [
        as_map(line) for line in as_list(as_map(ctx.inputs.backtests.get(study)).get("methods"))
    ]


def _row(study: str, line: Mapping[str, Any]) -> tuple[Cell, ...]:
    place = f"data/backtests/{study}.json#methods"
    low, high = as_number(line.get("low")), as_number(line.get("high"))
    where = "all" if low is None else f"{plain(low)} to {plain(high)}"
    if high is not None and high >= OPEN:
        where = f"more than {plain(low)}"
    return (
        words(clean(line.get("method") or "")),
        words(where),
        figure(line.get("forecasts"), integer, place),
        figure(line.get("error"), percent, place),
        figure(line.get("crps"), percent, place),
        *(figure(line.get(f"in{level}"), share, place) for level in LEVELS),
        figure(line.get("skill"), _skill, place),
    )


def _skill(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\u2212")
