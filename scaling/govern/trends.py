"""Growth in time of training compute, cost, power and horizons; the open lag.

A growth is a straight line in ln(value) on the date (`scaling.analysis.trends.growth`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from scaling.analysis.trends import Growth, growth
from scaling.errors import InputError
from scaling.io import library

COPIES = Path("data/trends/copies.csv")
YEAR = 365.25
# Models that were among the ten largest when they came out (Epoch AI's frontier).
FRONTIER = 10


def read_copies(path: Path = COPIES) -> pl.DataFrame:
    """The dated copies of the table of models."""
    path = library.found(path)
    if not path.exists():
        raise InputError("no such file", file=path)
    return pl.read_csv(path, try_parse_dates=True, schema_overrides={"flop": pl.Float64})


def copy_of(copies: pl.DataFrame, day: date) -> pl.DataFrame:
    """The newest copy that was there on the day, in order of publication, with ``year``.

    Raises:
        InputError: there was none yet.
    """
    dated = copies["copy"].unique().sort()
    there = dated.filter(dated <= day)
    if there.is_empty():
        raise InputError("no copy of that day or before", value=str(day), allowed=f">= {dated[0]}")
    made = copies.filter(pl.col("copy") == there[-1], pl.col("published").is_not_null())
    return made.with_columns(year=years(pl.col("published"))).sort("published", "model")


def years(day: pl.Expr) -> pl.Expr:
    """A date as a decimal year (365.25 days each)."""
    return 1970.0 + day.cast(pl.Date).cast(pl.Int32) / YEAR


def decimal(day: date) -> float:
    """As `years`, of one date."""
    return 1970.0 + (day - date(1970, 1, 1)).days / YEAR


def frontier(table: pl.DataFrame, top: int = FRONTIER) -> pl.DataFrame:
    """Models that were among the ``top`` largest up to their publication."""
    flop = table["flop"].to_numpy()
    rank = np.array([int((flop[: i + 1] >= f).sum()) for i, f in enumerate(flop)])
    return table.filter(pl.Series(rank <= top))


def growth_of(
    table: pl.DataFrame, column: str = "flop", since: float = 2010.0, until: float = 9999.0
) -> Growth:
    """Growth of a column over the models published from ``since`` (years) up to ``until``."""
    rows = table.filter(
        pl.col("year").is_between(since, until, closed="left"), pl.col(column).is_not_null()
    )
    return growth(rows["year"], rows[column])


@dataclass(frozen=True)
class Lag:
    """By how many years the largest open model trails the largest closed one, at ``year``."""

    years: float
    low90: float
    high90: float
    open_growth: Growth


def open_lag(table: pl.DataFrame, since: float, year: float) -> Lag:
    """When the closed frontier stood where the open one stands at ``year``.

    Both are straight lines through the record models since ``since``; the interval takes both
    slopes' and levels' errors as independent.
    """
    lines = {}
    for word in ("yes", "no"):
        part = table.filter(pl.col("open") == word, pl.col("year").is_between(since, year))
        best = frontier(part, 3)
        lines[word] = growth(best["year"], best["flop"])
    one, other = lines["yes"], lines["no"]
    (at, at_se), (above, above_se) = one.line([year]), other.line([year])
    gap = float(above[0] - at[0]) / other.rate
    error = math.hypot(at_se[0], above_se[0]) / other.rate
    return Lag(gap, gap - 1.6449 * error, gap + 1.6449 * error, one)
