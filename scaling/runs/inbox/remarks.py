"""What `scaling add` says of a tracker's values: which do not count, and which are not quite it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping as ByMetric

import polars as pl

from scaling.errors import counted, shorten
from scaling.runs.formats._raw import run_left_out
from scaling.runs.formats.wandb_chart import MEAN
from scaling.runs.inbox.mapping import Mapping

NO_ORDER = (
    "this format keeps no order in time, so restarts cannot be seen: values of abandoned branches, "
    "if there are any, count too"
)
_MOST_NAMED = 20
# Words in a metric's name, and the unit that they speak of.
_UNIT_WORDS = (
    (re.compile(r"(?:^|[^a-z])(ppl|perplexity)(?:$|[^a-z])", re.IGNORECASE), "perplexity"),
    (re.compile(r"(?:^|[^a-z])(bpb|bits.per.byte)(?:$|[^a-z])", re.IGNORECASE), "bits/byte"),
    (re.compile(r"(%|(?:^|[^a-z])(?:pct|percent)(?:$|[^a-z]))", re.IGNORECASE), "percent"),
)


def left_out_runs(cells: pl.DataFrame) -> list[str]:
    """The runs that the tracker's file itself says not to take, each with the reason."""
    rows = cells.filter(run_left_out())
    runs = rows.group_by("run", "left_out", maintain_order=True).agg(n=pl.col("metric").count())
    named = [
        f"left out: run {run!r}, {why} ({counted(n, 'value')})" for run, why, n in runs.iter_rows()
    ]
    more = len(named) - _MOST_NAMED
    return named[:_MOST_NAMED] + [f"and {counted(more, 'more run')} left out"] * (more > 0)


def reasons(rows: pl.DataFrame) -> dict[str, int]:
    """How many results do not count, by the reason."""
    left = rows.filter(pl.col("_left_out").is_not_null())
    found = left.group_by("_left_out", maintain_order=True).len()
    return dict(found.iter_rows())


def left_out(rows: pl.DataFrame) -> list[str]:
    """The results that do not count, by the reason, with the first of each."""
    firsts = rows.filter(pl.col("_left_out").is_not_null()).unique(
        "_left_out", keep="first", maintain_order=True
    )
    first = {one["_left_out"]: one for one in firsts.iter_rows(named=True)}
    return [
        f"left out: {counted(n, 'result')}, {why} (the first: {_place(first[why])})"
        for why, n in reasons(rows).items()
    ]


def _place(row: dict[str, object]) -> str:
    step = row["step"]
    at = f", step {step:.10g}" if isinstance(step, float) else ""
    return f"run {shorten(row['run'])}, {row['metric']}{at}"


def means(rows: pl.DataFrame) -> list[str]:
    """Results that a chart shows as one value where there are several."""
    found = rows.filter(pl.col("flags").str.split(";").list.contains(MEAN).fill_null(value=False))
    if found.is_empty():
        return []
    place = _place(found.row(0, named=True))
    verb = "is a mean" if found.height == 1 else "are means"
    return [
        f"{counted(found.height, 'result')} {verb} of several values, lowest and highest apart, "
        f"flagged {MEAN} (the first: {place})"
    ]


def nothing_beside(rows: pl.DataFrame, mapping: Mapping) -> list[str]:
    """Mapped columns that stay empty where nothing was logged beside a result."""
    return [
        f"{ours} is empty in {counted(n, 'result')}: --map {ours}={source} has nothing there"
        for ours, source in mapping.columns.items()
        if (n := rows.filter(pl.col(ours).is_null() & pl.col("unparsed").is_null()).height)
    ]


def other_units(mapping: Mapping, largest: ByMetric[str, float]) -> list[str]:
    """Metrics whose name or values speak of another unit than the mapping states.

    ``largest`` is the largest value of each metric, in the unit that it is turned into.
    """
    said = []
    for theirs, one in mapping.metrics.items():
        for pattern, unit in _UNIT_WORDS:
            if (word := pattern.search(theirs)) and unit not in (one.unit, one.kind):
                said.append(
                    f"{theirs!r} speaks of {word[1]!r}, and is read in {one.unit}: if it is in "
                    f"{unit}, --metric '{theirs}={one.id}:{unit}'"
                )
        top = largest.get(one.id, math.inf) * (100.0 if one.to == "fraction" else 1.0)
        if one.kind == "accuracy" and one.unit == "percent" and top <= 1.0:
            said.append(
                f"no value of {theirs!r} is above 1 percent: if they are fractions, --metric "
                f"'{theirs}={one.id}:fraction'"
            )
    return said
