"""One versioned forecast of the trends from one dated copy, and its score when a later copy is in.

The version is the hash of the copy's rows, the days, the seed and the answers, so the same input
gives the same version.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import polars as pl

from scaling.analysis.trends import Growth
from scaling.errors import InputError
from scaling.govern import allocation, exceedance, first_crossing
from scaling.govern.registry import Registry
from scaling.govern.trends import (
    copy_of,
    decimal,
    frontier,
    growth_of,
    open_lag,
)
from scaling.io.json_files import json_text

THRESHOLDS = (1e23, 1e24, 1e25, 1e26, 1e27, 1e28)
# Cost has few figures before; Cottier et al. 2024 (arXiv:2405.21015) begin in 2016 too.
COST_SINCE = 2016.0
OPEN_SINCE = 2018.0


def outlook(
    copies: pl.DataFrame,
    as_of: date,
    until: date,
    seed: int = 0,
    registry: Registry | None = None,
) -> dict[str, Any]:
    """Growth, lag, counts and first crossings from the newest copy on ``as_of``.

    ``registry``: its values of training compute on that day are lines to cross.

    Raises:
        InputError: no copy of that day or before, or ``until`` is not later.
    """
    if until <= as_of:
        raise InputError("is not after --as-of", column="--until", value=str(until))
    table = copy_of(copies, as_of)
    large = frontier(table)
    today, then = decimal(table["copy"][0]), decimal(until)
    counted, calibration = exceedance.forecasts(table, THRESHOLDS, today, then, seed)
    made: dict[str, Any] = {
        "as_of": str(as_of),
        "until": str(until),
        "copy": str(table["copy"][0]),
        "models": table.height,
        "set": "Epoch AI's notable models with a figure for training compute",
        "growth": {
            "training compute, all since 2010": _growth(growth_of(table)),
            "training compute, ten largest of their time": _growth(growth_of(large)),
            "cost, of those, since 2016": _growth(growth_of(large, "cost_usd", COST_SINCE)),
            "power, of those": _growth(growth_of(large, "power_w")),
        },
        "open_lag": _lag(table, today),
        "counts": [one.to_dict() for one in counted],
        "calibration": {
            "width": calibration.width,
            "coverage_of_90": calibration.coverage,
            "past_forecasts": calibration.forecasts,
        },
        "largest": _largest(large, today),
        "first_crossings": _cross(table, registry, as_of, until, calibration.width, seed),
    }
    if registry is not None:
        made["registry"] = registry.version
    allocated = allocation.counts(allocation.spent(table, 2023), seed=seed)
    made["kumar_manning"] = allocated.filter(pl.col("year") > 2024).to_dicts()
    text = json_text({"answers": made, "rows": table.write_csv(), "seed": seed})
    return {"version": hashlib.sha256(text.encode()).hexdigest()[:12]} | made


def _growth(line: Growth) -> dict[str, Any]:
    return {
        "factor_per_year": line.per_year,
        "low90": line.low,
        "high90": line.high,
        "doubling_days": line.doubling_days,
        "rows": line.rows,
        "r2": line.r2,
    }


def _lag(table: pl.DataFrame, today: float) -> dict[str, float]:
    lag = open_lag(table, OPEN_SINCE, today)
    return {
        "years": lag.years,
        "low90": lag.low90,
        "high90": lag.high90,
        "open_growth": lag.open_growth.per_year,
        "open_growth_low90": lag.open_growth.low,
        "open_growth_high90": lag.open_growth.high,
    }


def _largest(large: pl.DataFrame, today: float) -> dict[str, Any]:
    top = large.filter(pl.col("year") <= today).sort("flop").tail(1).to_dicts()[0]
    return {"model": top["model"], "flop": top["flop"], "published": str(top["published"])}


def _cross(
    table: pl.DataFrame,
    registry: Registry | None,
    as_of: date,
    until: date,
    width: float,
    seed: int,
) -> list[dict[str, Any]]:
    """First crossings of the registry's lines, and of the thresholds here that none has passed."""
    top = float(table["flop"].max())  # type: ignore[arg-type]  # polars types a maximum too widely
    more = [value for value in THRESHOLDS if value > top]
    wanted = (
        [first_crossing.Line(value) for value in THRESHOLDS]
        if registry is None
        else first_crossing.lines(registry, as_of, more)
    )
    ends = [date(year, 12, 31) for year in range(as_of.year, until.year)]
    return first_crossing.answers(table, wanted, [*ends, until], width, seed)


def score(made: dict[str, Any], copies: pl.DataFrame, on: date) -> dict[str, Any]:
    """Outcomes by the copy of ``on``: in or out of each 90 % interval; news apart from revision.

    Raises:
        InputError: no copy later than the forecast's own.
    """
    old = copy_of(copies, date.fromisoformat(made["as_of"]))
    new = copy_of(copies, on)
    if new["copy"][0] == old["copy"][0]:
        raise InputError("no later copy to score with", value=str(on), allowed=f"> {made['as_of']}")
    until = decimal(date.fromisoformat(made["until"]))
    there = new.filter(pl.col("year") <= until)
    counts = []
    for one in made["counts"]:
        came = there.filter(pl.col("flop") > one["threshold"]).height
        changes = exceedance.news(old, there, one["threshold"])
        counts.append(
            {
                "threshold": one["threshold"],
                "forecast": [one["p05"], one["p50"], one["p95"]],
                "came": came,
                "inside_90": one["p05"] <= came <= one["p95"],
                "pinball": _pinball(one, came),
            }
            | changes
        )
    was = made["growth"]["training compute, all since 2010"]
    now = growth_of(there)
    same = growth_of(new.filter(pl.col("published") <= old["published"].max()))
    growth = {
        "forecast": [was["low90"], was["factor_per_year"], was["high90"]],
        "came": now.per_year,
        "inside_90": was["low90"] <= now.per_year <= was["high90"],
        "revision": same.per_year - was["factor_per_year"],
        "news": now.per_year - same.per_year,
    }
    return {"scored_on": str(new["copy"][0]), "counts": counts, "growth": growth}


def _pinball(one: dict[str, Any], came: int) -> float:
    """Mean quantile loss over the five quantiles."""
    losses: list[float] = []
    for q in exceedance.LEVELS:
        miss = came - float(one[f"p{100 * q:02.0f}"])
        losses.append(max(q * miss, (q - 1.0) * miss))
    return sum(losses) / len(losses)
