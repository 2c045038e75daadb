"""The alert that the end of a run has left its interval of the day before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

EVENT, RESOURCE = "scaling.watch.left_interval", {"prefect.resource.id": "scaling.watch"}


@dataclass(frozen=True)
class Left:
    """An end outside of its earlier 90 % interval: the interval, when and where it stood, and the
    median now, or the loss that was observed."""

    value: float
    low: float
    high: float
    time: str
    at: float

    @property
    def side(self) -> str:
        """Above or below the interval."""
        return "above" if self.value > self.high else "below"


def left_interval(
    rows: Sequence[dict[str, Any]], value: float, time: str, hours: float
) -> Left | None:
    """Whether the end, now ``value``, is outside of the interval that stood so many hours before.

    That of the latest row which is at least as old; None where there is none, or inside.
    """
    before = datetime.fromisoformat(time) - timedelta(hours=hours)
    old = [row for row in rows if datetime.fromisoformat(row["time"]) <= before]
    if not old:
        return None
    low, high = float(old[-1]["q05"]), float(old[-1]["q95"])
    if low <= value <= high:
        return None
    return Left(value, low, high, old[-1]["time"], float(old[-1]["at"]))


def announce() -> str:
    """Emit the event where a Prefect server is named; how that went, in a sentence.

    The event has no figure and no name: a message leaves the machine.
    """
    try:
        from prefect.events import emit_event
        from prefect.settings import PREFECT_API_URL
    except ModuleNotFoundError:
        return "no alert sent: Prefect is not installed"
    if not PREFECT_API_URL.value():
        return "no alert sent: PREFECT_API_URL names no server"
    try:
        emit_event(EVENT, RESOURCE, payload={"runs": 1})
    except Exception as error:  # whatever a server does, the run is watched on
        return f"no alert sent: {type(error).__name__}"
    return f"event {EVENT} handed to Prefect"
