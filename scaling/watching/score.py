"""What stood at shares of a run beside its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scaling.errors import InputError
from scaling.watching.progress import Progress, progress
from scaling.watching.schedule import schedule_of
from scaling.watching.series import Series, curve, window_of

SHARES = (0.25, 0.5, 0.75, 0.95)
# A forecast stands for a share if it was made within so much of the run before it; else it is made
# afterwards from the log up to there, and is called so.
NEAR = 0.05
THEN, AFTERWARDS = "at the time", "afterwards"
Row = dict[str, Any]


def row_of(made: Progress, time: str, schedule: str | None = None) -> Row:
    """A forecast as a line of the journal."""
    facts = made.to_dict()
    quantiles = facts.pop("quantiles")
    assert isinstance(quantiles, Mapping)
    return {"time": time, **facts, **quantiles, "schedule": schedule}


def key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What forecasts of one end share."""
    return tuple(row.get(name) for name in ("run", "metric", "unit", "planned", "window"))


def observed(series: Series, smooth: float | None = None) -> float | None:
    """The end of a run that has ended: the last evaluation, or the mean over the last window; None
    where the last value is no number."""
    if not np.isfinite(series.value[-1]):
        return None
    return float(curve(series, window_of(series, smooth)).value[-1])


def score(
    series: Series, rows: Sequence[Row], time: str, schedule: str | None = None, **how: Any
) -> dict[str, Any]:
    """What stood at `SHARES` of the run beside its end.

    Args:
        series: a run that has ended.
        rows: the journal's.
        time: of the score.
        schedule: of the learning rate as a text, for forecasts made afterwards, which read the log
            up to their share alone; as ``how``, the options of `progress`.
    """
    end = observed(series, how.get("smooth"))
    window = window_of(series, how.get("smooth"))
    key = (series.run, series.metric, series.unit, series.planned, window)
    mine = [row for row in rows if key_of(row) == key]
    stood = [_stood(series, mine, share, schedule, how) for share in SHARES]
    return {
        "run": series.run,
        "metric": series.metric,
        "unit": series.unit,
        "planned": series.planned,
        "window": window,
        "ended_at": series.last,
        "observed": end,
        "scored": time,
        "beat": how.get("beat"),
        "beaten": None if end is None or how.get("beat") is None else end <= how["beat"],
        "forecasts": [_beside(one, end) for one in stood],
    }


def _stood(
    series: Series, rows: Sequence[Row], share: float, schedule: str | None, how: Mapping[str, Any]
) -> Row:
    """The forecast that stood at a share of the run, or one from the log up to there."""
    recorded = [row for row in rows if share - NEAR <= row["share"] <= share]
    if recorded:
        return {"share": share, "made": THEN, **_figures(recorded[-1])}
    then = series.until(share * series.planned)
    if not len(then.at):
        return {"share": share, "made": None, "why": "the log has no value so early"}
    known, _ = schedule_of(then, schedule, how.get("across"), how.get("smooth"))
    try:
        made = progress(then, schedule=known, **how)
    except InputError as error:
        return {"share": share, "made": None, "why": str(error)}
    return {"share": share, "made": AFTERWARDS, **_figures(row_of(made, ""))}


def _figures(row: Row) -> Row:
    names = ("at", "q05", "q25", "q50", "q75", "q95", "chance_to_beat", "method")
    return {name: row.get(name) for name in names} | {"time": row["time"] or None}


def _beside(one: Row, end: float | None) -> Row:
    if one["made"] is None or end is None:
        return one
    return one | {
        "inside_50": one["q25"] <= end <= one["q75"],
        "inside_90": one["q05"] <= end <= one["q95"],
        "error": one["q50"] / end - 1.0,
    }
