"""Clocks of law: from a moment to the last day, or the last moment, in the rule's own time zone.

The day of the event does not count; N days end with the last hour of the N-th day after it.
Nothing is extended where that day is a holiday: an early notice is never late. Business days leave
out Saturdays, Sundays and the holidays that are handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl


def last_moment(
    event: pl.Series, days: float, unit: str, zone: str, holidays: Sequence[date] = ()
) -> pl.DataFrame:
    """``notify_by`` (a day in ``zone``) and ``notify_at`` (a moment in UTC) for moments in UTC.

    Args:
        event: moments (Datetime in UTC), null where there is none.
        days: length of the clock, in days, or in hours where ``unit`` is "hours".
        unit: "calendar", "business" or "hours".
        zone: IANA name of the time zone in which days are counted.
        holidays: days that are no business days.
    """
    frame = pl.DataFrame({"event": event.cast(pl.Datetime("us", "UTC"))})
    if unit == "hours":
        at = pl.col("event") + pl.duration(seconds=round(days * 3600))
        return frame.select(notify_by=at.dt.convert_time_zone(zone).dt.date(), notify_at=at)
    local = frame.select(day=pl.col("event").dt.convert_time_zone(zone).dt.date())["day"]
    whole = int(days)
    if unit == "business":
        last = _business(local, whole, holidays)
    else:
        last = local.to_frame().select(pl.col("day") + pl.duration(days=whole)).to_series()
    end = (pl.col("last") + pl.duration(days=1)).cast(pl.Datetime("us"))
    closed = end.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.DataFrame({"last": last}).select(
        notify_by=pl.col("last"),
        notify_at=closed.dt.convert_time_zone("UTC") - pl.duration(seconds=1),
    )


def _business(local: pl.Series, days: int, holidays: Sequence[date]) -> pl.Series:
    """``days`` business days after each day."""
    known = local.is_not_null().to_numpy()
    given = local.fill_null(date(2000, 1, 3)).to_numpy().astype("datetime64[D]")
    closed = [np.datetime64(day, "D") for day in holidays]
    # Rolled back first: an event on a day off starts its clock at the last business day.
    last = np.busday_offset(given, days, roll="backward", holidays=closed)
    return pl.Series("last", last.astype("datetime64[D]")).set(pl.Series(~known), None)
