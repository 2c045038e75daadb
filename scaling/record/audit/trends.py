"""Counts of models above thresholds of compute in the dated copies of the Epoch table: forecast on
past days, and what the later copies show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.forecasting.scores import CARRY, ENSEMBLE
from scaling.record.audit.read import OUTCOME
from scaling.runs.schema import FORECAST, dtypes

COPIES = Path("data/trends/copies.csv")
SOURCE = "epoch-models"


def metric_of(threshold: float, until: date) -> str:
    """The identity of a count."""
    return f"models above {threshold:g} FLOP by {until}"


def replay(
    root: Path, plan: Mapping[str, Any], day: date, seed: int
) -> list[tuple[pl.DataFrame, dict[str, Any]]]:
    """Forecasts from the newest copy on the day, a study each, and the facts of each."""
    from scaling.govern.exceedance import LEVELS, forecasts
    from scaling.govern.trends import copy_of, decimal, read_copies

    copies = read_copies(root / COPIES)
    if copies["copy"].min() > day:  # type: ignore[operator]  # polars types a minimum too widely
        return []
    table = copy_of(copies, day)
    replays = []
    for until in (one for one in plan["until"] if one > day):
        today, then = decimal(table["copy"][0]), decimal(until)
        counted, _ = forecasts(table, plan["thresholds"], today, then, seed)
        for one in counted:
            above = float(table.filter(pl.col("flop") > one.threshold).height)
            facts = _facts(one.threshold, until, table.height)
            # A log has no zero; counts this low are not asked for by the plan.
            values = np.maximum(np.asarray(one.values, dtype=np.float64), 0.5)
            rows = _rows(facts, {ENSEMBLE: (LEVELS, values), CARRY: ((0.5,), np.array([above]))})
            replays.append((rows, facts))
    return replays


def _facts(threshold: float, until: date, rows: int) -> dict[str, Any]:
    return {
        "study": f"{SOURCE} {threshold:g} {until}",
        "source": SOURCE,
        "metric": metric_of(threshold, until),
        "excluded": [],
        "rows": rows,
        "ranges": {},
    }


def _rows(facts: Mapping[str, Any], by_law: Mapping[str, tuple[Any, Any]]) -> pl.DataFrame:
    parts = [
        pl.DataFrame({"quantile": list(levels), "value": values}).with_columns(
            study=pl.lit(facts["study"]), target=pl.lit(facts["metric"]), law=pl.lit(law)
        )
        for law, (levels, values) in by_law.items()
    ]
    types = dtypes(FORECAST)
    joined = pl.concat(parts)
    absent = [pl.lit(None, types[name]).alias(name) for name in types if name not in joined.columns]
    return joined.with_columns(absent).select(list(types)).cast(pl.Schema(types))


def outcomes(root: Path, selections: Iterable[str]) -> pl.DataFrame:
    """Counts in the copy of the very day that each selection names (columns as in `OUTCOME`)."""
    wanted = {text for text in selections if json.loads(text)["source"] == SOURCE}
    if not wanted or not (root / COPIES).is_file():
        return pl.DataFrame(schema=OUTCOME)
    from scaling.govern.trends import read_copies

    copies = read_copies(root / COPIES)
    asked = {json.loads(text)["metric"]: text for text in wanted}
    rows: list[dict[str, Any]] = []
    for day in copies["copy"].unique().sort():
        there = copies.filter(pl.col("copy") == day, pl.col("published") <= day)
        for metric, text in asked.items():
            if metric.endswith(f"by {day}"):
                threshold = float(metric.split()[2])
                count = there.filter(pl.col("flop") > threshold).height
                rows.append(
                    {
                        "selection": text,
                        "run": f"copy of {day}",
                        "observed": day,
                        "value": float(count),
                        "final": count > 0,
                    }
                )
    return pl.DataFrame(rows, schema=OUTCOME) if rows else pl.DataFrame(schema=OUTCOME)
