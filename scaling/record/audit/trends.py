"""Counts of models above thresholds of compute in the dated copies of the Epoch table, and days to
the first model above one: forecast on past days, and what the later copies show.

A first crossing is resolved by the first copy that has a model above the line; until then it is
open, so the early ones are scored first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from scaling.forecasting.scores import CARRY, ENSEMBLE
from scaling.record.audit.read import FROM_DAY, OUTCOME
from scaling.runs.schema import FORECAST, dtypes

if TYPE_CHECKING:
    from scaling.govern.first_crossing import Line

COPIES = Path("data/trends/copies.csv")
REGISTRY = Path("data/thresholds")
SOURCE = "epoch-models"
# The horizon (years) on whose past the width of a first crossing is calibrated.
CALIBRATED = 2.0
_DAY, _NUMBER = r"(\d{4}-\d\d-\d\d)", r"(\d[\d.]*(?:e[+]?\d+)?)"
_CROSSING = re.compile(rf"{FROM_DAY}{_DAY} to the first model (>=?) {_NUMBER} FLOP")
_COUNT = re.compile(rf"models above {_NUMBER} FLOP by {_DAY}")


def metric_of(threshold: float, until: date) -> str:
    """The identity of a count."""
    return f"models above {threshold:g} FLOP by {until}"


def crossing_metric(line: Line, day: date) -> str:
    """The identity of a first crossing: `_CROSSING` reads it back."""
    return f"{FROM_DAY}{day} to the first model {line.comparator} {line.value:g} FLOP"


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
    replays = list(_crossings(root, plan, table, day, seed)) if "first" in plan else []
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


def _crossings(
    root: Path, plan: Mapping[str, Any], table: pl.DataFrame, day: date, seed: int
) -> Iterator[tuple[pl.DataFrame, dict[str, Any]]]:
    """Days to the first model above each line that none had passed: those of the registry as on
    record on the day, and those that the plan adds (``first``).

    The naive method is the frontier's growth from the record, which has no interval.
    """
    from scaling.govern import exceedance, first_crossing
    from scaling.govern.registry import load
    from scaling.govern.trends import decimal

    start = table["copy"][0]
    width = exceedance.calibrate(table, CALIBRATED, decimal(start), seed).width
    for line in first_crossing.lines(load(root / REGISTRY), day, plan["first"]):
        if first_crossing.first_model(table, line) is not None:
            continue
        made = first_crossing.forecast(table, line, start, width, seed)
        # Beyond the horizon the forecast says no more than that.
        waits = [made.wait(level) or made.days[-1] for level in exceedance.LEVELS]
        values = np.maximum(np.array(waits), 1.0)
        facts = _described(crossing_metric(line, start), f"first {line.comparator} {line.value:g}")
        facts["rows"] = table.height
        naive = np.array([max(first_crossing.along_the_records(table, line), 1.0)])
        yield (
            _rows(facts, {ENSEMBLE: (exceedance.LEVELS, values), CARRY: ((0.5,), naive)}),
            facts,
        )


def _facts(threshold: float, until: date, rows: int) -> dict[str, Any]:
    return _described(metric_of(threshold, until), f"{threshold:g} {until}") | {"rows": rows}


def _described(metric: str, name: str) -> dict[str, Any]:
    """What is known of one study of the trends."""
    return {
        "study": f"{SOURCE} {name}",
        "source": SOURCE,
        "metric": metric,
        "excluded": [],
        "rows": 0,
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
    """Counts in the copy of the very day that each selection names, and first crossings in the
    first copy that has one (columns as in `OUTCOME`)."""
    wanted = {text for text in selections if json.loads(text)["source"] == SOURCE}
    if not wanted or not (root / COPIES).is_file():
        return pl.DataFrame(schema=OUTCOME)
    from scaling.govern.trends import read_copies

    copies = read_copies(root / COPIES)
    rows: list[dict[str, Any]] = []
    for text in sorted(wanted):
        metric = json.loads(text)["metric"]
        crossing, count = _CROSSING.fullmatch(metric), _COUNT.fullmatch(metric)
        found = _crossed(copies, *crossing.groups()) if crossing else None
        found = _counted(copies, *count.groups()) if count else found
        rows += [{"selection": text, **found}] if found else []
    return pl.DataFrame(rows, schema=OUTCOME) if rows else pl.DataFrame(schema=OUTCOME)


def _counted(copies: pl.DataFrame, threshold: str, until: str) -> dict[str, Any] | None:
    """The count in the copy of that very day."""
    day = date.fromisoformat(until)
    there = copies.filter(pl.col("copy") == day, pl.col("published") <= day)
    if there.is_empty():
        return None
    count = there.filter(pl.col("flop") > float(threshold)).height
    return {
        "run": f"copy of {day}",
        "observed": day,
        "value": float(count),
        "final": count > 0,
    }


def _crossed(
    copies: pl.DataFrame, start: str, comparator: str, value: str
) -> dict[str, Any] | None:
    """Days to the first model above a line, in the first later copy that has one.

    One that came out before the start and was entered late counts as a day: a log has no zero.
    """
    from scaling.govern.first_crossing import Line, first_model

    line, begin = Line(float(value), comparator == ">="), date.fromisoformat(start)
    for day in copies["copy"].unique().sort():
        if day > begin:
            there = copies.filter(pl.col("copy") == day, pl.col("published") <= day)
            first = first_model(there, line)
            if first is not None:
                return {
                    "run": f"{first['model']}, copy of {day}",
                    "observed": day,
                    "value": float(max((first["published"] - begin).days, 1)),
                    "final": True,
                }
    return None
