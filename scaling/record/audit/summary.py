"""Summaries of scores: error and bias, distance, trend over time, calibration, laws that missed."""

from __future__ import annotations

import itertools
from typing import Any

import polars as pl

from scaling.forecasting.scores import CARRY, ENSEMBLE, HORIZONS, TAIL
from scaling.record.audit.table import NO_OUTCOME

MEASURES = ("crps", "wis", "in50", "in80", "in90", "in95")
NOMINAL = {"in50": 0.5, "in80": 0.8, "in90": 0.9, "in95": 0.95}
POINTS = (CARRY, TAIL)
BINS = 10
BY_DATE = ("kind", "date_rests_on")
TARGET = ("version", "study", "target", "outcome_id")


def summarise(scores: pl.DataFrame, still_open: pl.DataFrame) -> dict[str, Any]:
    """Every answer; forecasts that were revised or corrected are counted apart."""
    superseded = pl.col("revised") | pl.col("corrected_by").is_not_null()
    use = scores.filter(~superseded) if scores.height else scores
    answers: dict[str, Any] = {
        "forecasts_scored": use.height,
        "set_aside": scores.height - use.height,
        "open": _open(still_open),
        "same_day": _same_day(still_open),
    }
    if not use.height:
        return answers
    use = _with_carried(use)
    main = use.filter(pl.col("law") == ENSEMBLE)
    return answers | {
        "how_wrong": means(use, "kind", "law"),
        "by_date": means(main.filter(pl.col("date_rests_on").is_not_null()), *BY_DATE),
        "by_source": means(main, "kind", "source"),
        "how_far_out": means(_banded(main), "kind", "decades_from", "decades_to"),
        "getting_better": means(main.with_columns(year=pl.col("as_of").dt.year()), "kind", "year"),
        "confidence": calibration(main),
        "blame": blame(use),
    }


def means(scores: pl.DataFrame, *by: str) -> list[dict[str, Any]]:
    """Means by group.

    ``bias`` and ``error`` are means of log forecast over outcome and of its size; ``skill`` is
    1 - CRPS / CRPS of carrying the last value on, over the targets that have both.
    """
    both = pl.col("carried").is_not_null()
    table = scores.group_by(*by).agg(
        forecasts=pl.len(),
        origins=pl.struct("version", "source").n_unique(),
        bias=pl.col("error").mean(),
        error=pl.col("error").abs().mean(),
        **{name: pl.col(name).mean() for name in MEASURES},
        skill=1.0 - pl.col("crps").filter(both).mean() / pl.col("carried").filter(both).mean(),
    )
    return table.sort(by, nulls_last=True).to_dicts()


def _with_carried(scores: pl.DataFrame) -> pl.DataFrame:
    """With the CRPS of carrying on at the same target, beside every forecast of it."""
    carried = scores.filter(pl.col("law") == CARRY).select(*TARGET, carried="crps")
    return scores.join(carried, on=TARGET, how="left", maintain_order="left")


def _banded(scores: pl.DataFrame) -> pl.DataFrame:
    """With the band of distance: decades of compute beyond the largest run that was known."""
    low = high = pl.lit(None, pl.Float64)
    for left, right in itertools.pairwise(HORIZONS):
        inside = (pl.col("decades") <= right) & ((pl.col("decades") > left) | (left == 0.0))
        low = pl.when(inside).then(left).otherwise(low)
        high = pl.when(inside).then(right).otherwise(high)
    return scores.with_columns(decades_from=low, decades_to=high)


def calibration(scores: pl.DataFrame) -> list[dict[str, Any]]:
    """Stated against observed: share inside each interval, and the PIT in ten bins.

    Forecasts of one version and source err together, so ``low`` and ``high`` (95 %) count these
    origins, and not targets: the mean over origins plus and minus 1.96 standard errors.
    """
    rows: list[dict[str, Any]] = []
    for (kind,), part in scores.partition_by("kind", as_dict=True, maintain_order=True).items():
        origins = part.group_by("version", "source", maintain_order=True).agg(
            pl.col(name).mean() for name in NOMINAL
        )
        ranks = part["pit"].drop_nulls()
        bins = (ranks * BINS).floor().clip(0, BINS - 1).cast(pl.Int64)
        counts = dict(bins.value_counts().iter_rows())
        rows.append(
            {
                "kind": kind,
                "forecasts": part.height,
                "origins": origins.height,
                "pit": [int(counts.get(place, 0)) for place in range(BINS)],
                "intervals": [
                    _interval(part[name], origins[name], NOMINAL[name]) for name in NOMINAL
                ],
            }
        )
    return rows


def _interval(held: pl.Series, by_origin: pl.Series, stated: float) -> dict[str, float | None]:
    share, spread = by_origin.mean(), by_origin.std()
    half = None
    if isinstance(spread, float) and len(by_origin) > 1:
        half = 1.96 * spread / float(len(by_origin)) ** 0.5
    centre = float(share) if isinstance(share, float) else None
    return {
        "stated": stated,
        "observed": held.mean(),  # type: ignore[dict-item]  # polars types a mean too widely
        "by_origin": centre,
        "low": None if half is None or centre is None else max(centre - half, 0.0),
        "high": None if half is None or centre is None else min(centre + half, 1.0),
    }


def blame(scores: pl.DataFrame) -> list[dict[str, Any]]:
    """For each law: its errors where the forecast missed its 90 % interval, and how often it was
    the law that was furthest off to the side on which the forecast missed."""
    missed = scores.filter((pl.col("law") == ENSEMBLE) & (pl.col("in90") == 0))
    laws = scores.filter(~pl.col("law").is_in([ENSEMBLE, *POINTS]))
    joined = laws.join(missed.select(*TARGET, missed_by="error"), on=TARGET, how="inner")
    if not joined.height:
        return []
    toward = pl.col("error") * pl.col("missed_by").sign()
    worst = joined.with_columns(toward=toward).with_columns(
        worst=(pl.col("toward") == pl.col("toward").max().over(TARGET)) & (pl.col("toward") > 0)
    )
    return (
        worst.group_by("kind", "law")
        .agg(
            misses=pl.len(),
            bias=pl.col("error").mean(),
            error=pl.col("error").abs().mean(),
            furthest=pl.col("worst").cast(pl.Float64).mean(),
        )
        .sort("kind", "law")
        .to_dicts()
    )


def _open(still_open: pl.DataFrame) -> list[dict[str, Any]]:
    """Targets without an outcome, by version."""
    if not still_open.height:
        return []
    return (
        still_open.group_by("version", "source", "as_of", "kind")
        .agg(targets=pl.len())
        .sort("as_of", "version", "source", "kind")
        .to_dicts()
    )


def _same_day(still_open: pl.DataFrame) -> list[dict[str, Any]]:
    """Targets whose run was observed on the day of issue, with the reason why it is no outcome."""
    if not still_open.height:
        return []
    there = still_open.filter(pl.col("reason") != NO_OUTCOME)
    columns = ("version", "study", "target", "issued", "reason")
    return there.select(columns).sort(columns[:3]).to_dicts()
