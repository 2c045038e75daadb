"""New rows against what earlier rows of their metric say."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.runs.validation.rules._rule import METRIC, Rule, is_loss, nothing

# Rows before anything is said; times the standard error of a prediction; least departure, in logs.
_EARLIER, _TIMES, _LEAST = 20, 8.0, 0.1
# Sizes that make a trend, and the least departure from it, in logs.
_SIZES, _ABOVE = 6, 0.025
# How far off a line of earlier sizes a new one may lie, in logs.
_BESIDE = 0.05


def _drift(table: pl.DataFrame) -> pl.Series:
    """Losses far from a log-linear fit, in parameters and tokens, to all rows of earlier days.

    Rows of one day are judged by the rows of days before. The departure allowed grows with the
    standard error of the prediction, so a larger run than any before is judged more mildly.
    """
    found: dict[int, str] = {}
    if table.height > _EARLIER and table["observed"].n_unique() > 1:
        rows = (
            table.with_row_index("_at")
            .filter(is_loss())
            .select(
                "_at",
                "observed",
                *METRIC,
                _n=pl.coalesce("params", "params_active", "params_non_embedding").log(),
                _d=pl.col("tokens").log(),
                _y=pl.col("value").log(),
            )
        )
        whole = pl.col("_n").is_finite() & pl.col("_d").is_finite()
        for _, part in (
            rows.drop_nulls(["observed", "_n", "_d"])
            .filter(whole)
            .group_by(METRIC, maintain_order=True)
        ):
            found |= _of_metric(part.sort("observed", maintain_order=True))
    return _texts(table, found)


def _of_metric(part: pl.DataFrame) -> dict[int, str]:
    """Findings by position in the table, one day after another."""
    days = part["observed"].to_list()
    x = np.column_stack([part["_n"].to_numpy(), part["_d"].to_numpy()])
    y = part["_y"].to_numpy()
    at = part["_at"].to_list()
    found: dict[int, str] = {}
    for start, stop in _spans(days):
        if start >= _EARLIER:
            expected, allowed = _predicted(x[:start], y[:start], x[start:stop])
            off = np.abs(y[start:stop] - expected) > allowed
            for i in np.flatnonzero(off):
                value, usual = np.exp(y[start + i]), np.exp(expected[i])
                found[at[start + i]] = f"{value:.6g} where earlier rows say {usual:.6g}"
    return found


def _spans(days: list[datetime.date]) -> list[tuple[int, int]]:
    """Where each day starts and stops in sorted rows."""
    starts = [i for i, day in enumerate(days) if i == 0 or days[i - 1] != day]
    return list(zip(starts, [*starts[1:], len(days)], strict=True))


def _predicted(x: Array, y: Array, new: Array) -> tuple[Array, Array]:
    """Least squares on earlier rows: predictions, and how far from them a new row may lie.

    A new row off the line (or point) on which all earlier sizes lie is not judged.
    """
    centre = x.mean(axis=0)
    _, scales, axes = np.linalg.svd(x - centre, full_matrices=False)
    used = scales > 1e-6 * max(float(scales[0]), 1e-6)
    seen = (x - centre) @ axes[used].T
    sought = (new - centre) @ axes[used].T
    slope = (seen.T @ (y - y.mean())) / scales[used] ** 2
    spread = 1.4826 * float(np.median(np.abs(y - y.mean() - seen @ slope)))
    lever = 1.0 / len(y) + ((sought / scales[used]) ** 2).sum(axis=1)
    beside = np.abs((new - centre) @ axes[~used].T).sum(axis=1) > _BESIDE
    allowed = np.maximum(_LEAST, _TIMES * spread * np.sqrt(1.0 + lever))
    return y.mean() + sought @ slope, np.where(beside, np.inf, allowed)


def _above_trend(table: pl.DataFrame) -> pl.Series:
    """Largest runs above what smaller ones with as many tokens per parameter lead to.

    In each series of at least six sizes (one family, corpus, metric, tokens per parameter within
    5 %), ln loss is fitted as a quadratic in ln size without the largest.
    """
    size = pl.coalesce("params", "params_active", "params_non_embedding")
    final = pl.col("checkpoint").fill_null("final") == "final"
    ratio = (pl.col("tokens") / size).log().mul(20.0).round(0)
    like = ["family", "series", "training_data", *METRIC]
    rows = (
        table.with_row_index("_at")
        .filter(is_loss() & final)
        .select(
            "_at",
            _x=size.log(),
            _y=pl.col("value").log(),
            _group=pl.struct(*like, ratio.alias("m")).hash(),
        )
    )
    rows = rows.filter(pl.col("_x").is_finite()).filter(
        pl.col("_x").n_unique().over("_group") >= _SIZES
    )
    found: dict[int, str] = {}
    for _, part in rows.group_by("_group", maintain_order=True):
        last = part.filter(pl.col("_x") == pl.col("_x").max())
        rest = part.filter(pl.col("_x") < pl.col("_x").max())
        x, y = rest["_x"].to_numpy(), rest["_y"].to_numpy()
        shift = float(x.mean())
        curve = np.polyfit(x - shift, y, 2)
        spread = float(np.std(y - np.polyval(curve, x - shift)))
        for at, x_new, y_new, _ in last.rows():
            expected = float(np.polyval(curve, x_new - shift))
            if y_new - expected > max(_ABOVE, 6.0 * spread):
                found[at] = f"{np.exp(y_new):.6g} where smaller runs lead to {np.exp(expected):.6g}"
    return _texts(table, found)


def _texts(table: pl.DataFrame, found: dict[int, str]) -> pl.Series:
    """Findings by position as a column."""
    if not found:
        return nothing(table)
    return pl.Series("found", [found.get(i) for i in range(table.height)], dtype=pl.String)


RULES: tuple[Rule, ...] = (
    Rule(
        "drift",
        "value",
        "warning",
        means="A new loss lies where a fit to the rows of earlier days expects it.",
        allowed="within 10 % or 8 standard errors of a log-linear fit to at least 20 earlier rows",
        find=_drift,
        reach="source",
    ),
    Rule(
        "above_trend",
        "value",
        "warning",
        means="The largest run of a series continues what the smaller ones lead to.",
        allowed=(
            "at most 2.5 % or 6 standard deviations above a quadratic through the smaller runs of "
            "the same tokens per parameter"
        ),
        find=_above_trend,
        reach="source",
    ),
)
