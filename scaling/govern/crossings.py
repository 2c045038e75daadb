"""Every run against every rule: verdict, chances, dates, what is missing, and by when to notify.

Rules are evaluated one by one, over all runs at once: the work is linear in runs.
`scaling.govern.verdicts` has the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.compute.estimate import Z90, two_figures
from scaling.govern import columns, conditions, reasons, verdicts
from scaling.govern.clock import last_moment
from scaling.govern.course import DAY_US, course, floats, total
from scaling.govern.registry import EVALUATED_STATUSES, PASSED, STALE_AFTER, Registry, believed
from scaling.govern.trajectory import Period, Trajectory, crossed_by, crossing_dates, exceeds
from scaling.govern.verdicts import (
    ABOVE,
    BELOW,
    MAY,
    NOT_APPLICABLE,
    NOT_REACHED,
    PLANNED,
    UNKNOWN,
    VERDICTS,
    WOULD_APPLY,
)

__all__ = [
    "ABOVE",
    "BELOW",
    "MAY",
    "NOT_APPLICABLE",
    "NOT_REACHED",
    "PLANNED",
    "UNKNOWN",
    "VERDICTS",
    "WOULD_APPLY",
    "Asked",
    "by_rule",
    "crossings",
]

# "Reasonably likely" has no figure in any text; more likely than not is the plain reading.
LIKELY = 0.5


@dataclass(frozen=True)
class Asked:
    """What is asked.

    - ``on``: the day that is reported on
    - ``known``: use what was public on this day
    - ``likely``: the chance from which a crossing is called likely
    - ``entered``: use only what this registry had on this day; None: all that it has
    - ``stale_after``: days from which a row's newest source is called old
    """

    on: date
    known: date
    likely: float = LIKELY
    entered: date | None = None
    stale_after: int = STALE_AFTER


def crossings(
    runs: pl.DataFrame, registry: Registry, asked: Asked, history: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One row per run and rule.

    Args:
        runs: as `scaling.govern.runs.prepare` gives them.
        history: all estimates (`scaling.govern.runs.history`), for when a crossing became likely.
    """
    parts = list(by_rule(runs, registry, asked, history))
    return pl.concat(parts) if parts else pl.DataFrame()


def by_rule(
    runs: pl.DataFrame, registry: Registry, asked: Asked, history: pl.DataFrame | None = None
) -> Iterator[pl.DataFrame]:
    """As `crossings`, rule by rule, so that many runs need not be held with every rule at once."""
    rules = believed(registry.rules, asked.known, asked.entered).filter(
        pl.col("status").is_in([*EVALUATED_STATUSES, PASSED]),
        pl.col("quantity").is_in(columns.EVALUATED),
    )
    for _, listed in rules.group_by("rule", maintain_order=True):
        rows = _law_or_bill(listed)
        if rows["effective_to"].drop_nulls().len() == rows.height and (
            rows["effective_to"].max() <= asked.on  # type: ignore[operator]
        ):
            continue  # ended before the day that is reported on
        yield _one_rule(runs, rows.sort("effective_from"), registry.counts, asked, history)


def _law_or_bill(rows: pl.DataFrame) -> pl.DataFrame:
    """The periods in force; of what is only a bill, the period from which it would apply."""
    law = rows.filter(pl.col("status") != PASSED)
    if law.height:
        return law
    return rows.with_columns(effective_from=pl.coalesce("applies_from", "effective_from"))


def _one_rule(
    runs: pl.DataFrame,
    rows: pl.DataFrame,
    counts: pl.DataFrame,
    asked: Asked,
    history: pl.DataFrame | None,
) -> pl.DataFrame:
    rule = _standing(rows, asked.on)
    equality = rule["comparator"] == ">="
    path = course(runs, rule)
    periods = [_period(row) for row in rows.to_dicts()]
    now = _instant(asked.on, rule["clock_zone"] or "UTC", end=True)
    final = path.final
    dates = crossing_dates(path, periods, equality=equality)
    begun = (runs["state"] != "planned").to_numpy()
    by_now = np.where(begun, path.level(now), 0.0)
    numbers = {
        "central": final,
        "ratio": final / rule["value"],
        "exceeds": exceeds(final, rule["value"], equality=equality),
        "p_final": path.probability(final, rule["value"], equality=equality),
        "p_by_date": begun * crossed_by(path, periods, now, equality=equality),
        "to_date": by_now,
        "sigma_used": path.sigma,
    }
    table = _labels(runs, rule, asked).with_columns(
        pl.Series(name, value, nan_to_null=True) for name, value in numbers.items()
    )
    table = table.with_columns(_moment(f"date_{q}", dates[q]) for q in dates)
    table = _ends(table, runs, rule)
    open_ = verdicts.open_above(table, runs, rule)
    numbers_say = verdicts.by_compute(runs, rule, final, by_now, open_)
    table = table.with_columns(pl.Series("by_compute", numbers_say))
    table = verdicts.judged(table, runs, rule, counts).drop("sigma_used")
    table = table.with_columns(_known_on(runs, rule, path, asked, history))
    return _notify(table, runs, rule, asked)


# --------------------------------------------------------------------------- rule


def _standing(rows: pl.DataFrame, on: date) -> dict[str, Any]:
    """The row that holds on the day; else the next to come; else the last that held."""
    listed = rows.to_dicts()
    for row in listed:
        if row["effective_from"] <= on and (
            row["effective_to"] is None or on < row["effective_to"]
        ):
            return row
    later = [row for row in listed if row["effective_from"] > on]
    return later[0] if later else listed[-1]


def _period(row: dict[str, Any]) -> Period:
    zone = row["clock_zone"] or "UTC"
    ends = row["effective_to"]
    return Period(
        float(row["value"]),
        _instant(row["effective_from"], zone),
        np.inf if ends is None else _instant(ends, zone),
    )


def _instant(day: date, zone: str, *, end: bool = False) -> float:
    """Days since 1970 (UTC) at which a day begins, or ends, in a zone."""
    clock = time(23, 59, 59) if end else time()
    return datetime.combine(day, clock, ZoneInfo(zone)).timestamp() / 86400.0


def _moment(name: str, days: Array) -> pl.Series:
    """Days since 1970 as moments in UTC, null where NaN."""
    known = np.isfinite(days)
    stamps = np.rint(np.where(known, days * DAY_US, 0.0)).astype(np.int64)
    made = pl.Series(name, stamps).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return made.set(pl.Series(~known), None)


# --------------------------------------------------------------------------- labels and verdicts

_RUN_LABELS = ("run", "entity", "model", "state")
_RULE_LABELS = (
    *("rule", "jurisdiction", "instrument", "provision", "quantity", "comparator", "unit"),
    *("counts", "verified", "checked_to", "entered", "nexus", "obligation", "clock", "clock_zone"),
)


def _labels(runs: pl.DataFrame, rule: dict[str, Any], asked: Asked) -> pl.DataFrame:
    age = (asked.on - rule["checked_to"]).days
    parts = (("own", "own"), ("parents", "base"))
    computed = rule["quantity"] == "training_compute"
    split = [
        (pl.col(f"{rule['counts']}_{source}_central") if computed else pl.lit(None, pl.Float64))
        .alias(f"{name}_central")
        for name, source in parts
    ]  # fmt: skip
    return runs.select(
        *_RUN_LABELS,
        *(pl.lit(rule[name]).alias(name) for name in _RULE_LABELS),
        pl.lit(rule["value"]).alias("threshold"),
        pl.lit(_status(rule, asked, age)).alias("status"),
        pl.lit(age if age > asked.stale_after else None, pl.Int64).alias("stale_days"),
        pl.col("best_method").alias("method"),
        pl.col("estimates"),
        pl.col("flags"),
        reasons.counted(rule).alias("counted"),
        reasons.not_stated(rule).alias("not_stated"),
        *split,
    )


def _status(rule: dict[str, Any], asked: Asked, age: int) -> str:
    """The status on the day, and what a reader has to know to rest on it."""
    since, until = rule["effective_from"], rule["effective_to"]
    if rule["status"] == PASSED:
        day = f"from {since}" if rule["applies_from"] else "from a day not on record"
        status = f"{PASSED}, not law: would be in force {day}"
    elif until is not None and until <= asked.on:
        status = f"{rule['status']} until {until}"
    else:
        status = rule["status"] if since <= asked.on else f"{rule['status']} from {since}"
    notes = [f"no source newer than {age} days"] if age > asked.stale_after else []
    if rule["entered"] > asked.known:
        notes.append(f"public since {rule['recorded_from']}, entered here on {rule['entered']}")
    return f"{status} ({'; '.join(notes)})" if notes else status


def _ends(table: pl.DataFrame, runs: pl.DataFrame, rule: dict[str, Any]) -> pl.DataFrame:
    """5 and 95 % points, and the central figure to two significant figures."""
    if rule["quantity"] == "training_compute":
        low, high = (runs[total(rule, end)] for end in ("low", "high"))
        table = table.with_columns(low=low, high=high)
    else:
        spread = Z90 * pl.col("sigma_used")
        centre = pl.col("central")
        table = table.with_columns(low=centre * (-spread).exp(), high=centre * spread.exp())
    return table.with_columns(central_2sf=two_figures(pl.col("central")))


# --------------------------------------------------------------------------- when known, by when


def _known_on(
    runs: pl.DataFrame,
    rule: dict[str, Any],
    path: Trajectory,
    asked: Asked,
    history: pl.DataFrame | None,
) -> pl.Series:
    """The first day on which an estimate made the crossing likely; the start where undated."""
    # An undated plan is in hand by the day of the report.
    undated = runs.select(pl.min_horizontal(pl.col("started_at").dt.date(), asked.on)).to_series()
    latest = path.probability(path.final, rule["value"], equality=rule["comparator"] == ">=")
    likely = pl.Series(latest, nan_to_null=True) >= asked.likely
    day = pl.DataFrame({"likely": likely, "estimated": runs["estimated_on"], "started": undated})
    alone = day.select(
        pl.when("likely").then(pl.coalesce("estimated", "started")).alias("known_on")
    ).to_series()
    if history is None or history["estimated_on"].null_count() == history.height:
        return alone
    earlier = _earliest(runs, rule, path, asked, history)
    both = pl.DataFrame({"a": alone, "b": earlier})
    return both.select(pl.min_horizontal("a", "b").alias("known_on")).to_series()


def _earliest(
    runs: pl.DataFrame,
    rule: dict[str, Any],
    path: Trajectory,
    asked: Asked,
    history: pl.DataFrame,
) -> pl.Series:
    """First day of an estimate that made the crossing likely, by run."""
    prior = path.levels[0]
    own = (path.final - prior) / floats(runs, pl.col("best"))
    scale = pl.DataFrame({"run": runs["run"], "prior": prior, "scale": own})
    past = history.filter(pl.col("estimated_on") <= asked.on).join(scale, on="run")
    level = (past["prior"] + past["best"] * past["scale"]).fill_null(float("nan")).to_numpy()
    dummy = np.zeros((3, past.height))
    then = Trajectory(dummy, dummy, past["sigma"].to_numpy(), np.zeros(past.height, dtype=bool))
    chance = then.probability(level, rule["value"], equality=rule["comparator"] == ">=")
    hit = past.filter(pl.Series(chance >= asked.likely))
    first = hit.group_by("run").agg(pl.col("estimated_on").min())
    return runs.select("run").join(first, on="run", how="left", maintain_order="left")[
        "estimated_on"
    ]


def _notify(
    table: pl.DataFrame, runs: pl.DataFrame, rule: dict[str, Any], asked: Asked
) -> pl.DataFrame:
    """What sets the duty off, when, and the last day and moment of its clock.

    Nothing is due before the rule is in force, nor where a condition is not met, nor by a bill.
    """
    counted = pl.col("by_compute").is_in([ABOVE, PLANNED, MAY]) & (
        pl.col("p_final") >= asked.likely
    )
    relevant = counted & (pl.col("applies") != conditions.NOT_MET) & (rule["status"] != PASSED)
    zone = rule["clock_zone"] or "UTC"
    begins = datetime.fromtimestamp(_instant(rule["effective_from"], zone) * 86400.0, tz=UTC)
    noon = pl.col("known_on").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    known, met = noon + pl.duration(hours=12), pl.col("date_50")
    later = met.fill_null(known + pl.duration(days=1))
    early = (known < later) & (later > pl.lit(begins))
    event, name = {
        "known": (
            pl.min_horizontal(met, known),
            pl.when(early).then(pl.lit("known that it will be met")).otherwise(pl.lit("met")),
        ),
        "intended": (pl.col("_started"), pl.lit("training initiated")),
        "used": (met, pl.lit("met")),
    }[rule["attaches"] or "used"]
    table = table.with_columns(_started=runs["started_at"], _relevant=relevant)
    table = table.with_columns(
        trigger_at=pl.when("_relevant").then(
            pl.when(event.is_not_null()).then(pl.max_horizontal(event, pl.lit(begins)))
        )
    ).with_columns(trigger=pl.when(pl.col("trigger_at").is_not_null()).then(name))
    return _last_day(table, runs, rule).drop("_started", "_relevant")


def _last_day(table: pl.DataFrame, runs: pl.DataFrame, rule: dict[str, Any]) -> pl.DataFrame:
    begins = _instant(rule["effective_from"], rule["clock_zone"] or "UTC")
    source = {"released": "released_at", "transaction": "transaction_at"}.get(rule["clock_from"])
    event = table["trigger_at"] if source is None else runs[source]
    # What was released before the rule was in force has its own day (legacy_until), or none.
    before = (event < _moment("begins", np.array([begins]))[0]) & (rule["legacy_before"] is None)
    event = event.set(
        ~table["_relevant"].fill_null(value=False) | before.fill_null(value=False), None
    )
    if rule["clock_from"] == "none":
        nothing = pl.Series([None] * table.height)
        return table.with_columns(
            nothing.cast(pl.Date).alias("notify_by"),
            nothing.cast(pl.Datetime("us", "UTC")).alias("notify_at"),
            nothing.cast(pl.String).alias("notify_missing"),
        )
    ends = last_moment(event, rule["clock_days"], rule["clock_unit"], rule["clock_zone"])
    absent = table["trigger_at"].is_null() if source is None else runs[source].is_null()
    gap = pl.when(pl.col("_relevant") & pl.lit(absent))
    table = table.hstack(ends.get_columns()).with_columns(
        notify_missing=gap.then(pl.lit(rule["clock_from"].replace("trigger", "started, ended")))
    )
    if rule["legacy_before"] is None:
        return table
    released = runs["released_at"].dt.convert_time_zone(rule["clock_zone"]).dt.date()
    legacy = (released < rule["legacy_before"]).fill_null(value=False)
    return table.with_columns(
        notify_by=pl.when(legacy & pl.col("notify_by").is_not_null())
        .then(pl.max_horizontal("notify_by", pl.lit(rule["legacy_until"])))
        .otherwise(pl.col("notify_by")),
        notify_at=pl.when(~legacy).then(pl.col("notify_at")),
    )
