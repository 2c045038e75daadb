"""CPU seconds of a job, repeated because the machine is shared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    """CPU seconds of each repeat."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The fastest repeat: what the job takes with the least disturbance."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The middle repeat."""
        return statistics.median(self.seconds)


def timed(job: Callable[[], object], repeats: int) -> Timing:
    """The job done ``repeats`` times."""
    found = []
    for _ in range(repeats):
        began = time.process_time()
        job()
        found.append(time.process_time() - began)
    return Timing(tuple(found))


def fastest(job: Callable[[], T], enough: float = 0.3, most: int = 5) -> tuple[float, T]:
    """Seconds of the fastest of at most ``most`` repeats, and what the job returns.

    Fewer repeats where they take ``enough`` seconds together.
    """
    found: list[float] = []
    while True:
        began = time.process_time()
        made = job()
        found.append(time.process_time() - began)
        if len(found) == most or sum(found) >= enough:
            return min(found), made
