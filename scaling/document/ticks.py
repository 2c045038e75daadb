"""Where ticks go: round numbers, few of them, inside the range."""

from __future__ import annotations

import math

_STEPS = (1.0, 2.0, 5.0, 10.0)


def even_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within the range."""
    width = high - low
    if not width > 0 or not math.isfinite(width):
        return [low]
    raw = width / about
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * part for part in _STEPS if size * part >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{step * i:.12g}") for i in range(first, last + 1)]


def power_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Powers of ten; 2 and 5 times them as well where fewer than two lie in the range."""
    ends = math.log10(low), math.log10(high)
    step = max(1, round((ends[1] - ends[0]) / about))
    first, last = math.ceil(ends[0] / step - 1e-9) * step, math.floor(ends[1] + 1e-9)
    found = [10.0**power for power in range(first, last + 1, step)]
    if len(found) > 1:
        return found
    many = [part * 10.0**p for p in range(math.floor(ends[0]), last + 1) for part in (1, 2, 5)]
    return [tick for tick in many if low <= tick <= high]
