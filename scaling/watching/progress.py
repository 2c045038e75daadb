"""The end of a run under way, forecast from its curve so far.

The curve's model is that of every forecast of one input (`scaling.forecasting.curves`), along steps
or tokens. The end is the last evaluation or, of a training loss, the mean over the run's last
window (`scaling.watching.series`). With F the forecast distribution of the loss at the end, at
twice the present steps F2, and level the present loss on the fitted curve:

    chance to beat v   = F(v)
    chance of a gain   = F(level (1 - gain))
    plateau            where F2(level (1 - gain)) < 1/2: twice the steps would rather not gain

F2 is of the curve as it has gone so far, whatever the schedule of the learning rate. Where other
runs are named, F is the curve's forecast pooled with what they say (`scaling.watching.across`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.pooled import Opinion, Pooled, pool
from scaling.forecasting.scheduled import forecast_end
from scaling.watching.series import Curve, Series, curve, window_of
from scaling.watching.signs import NotFinite, Spike, not_finite, spikes

if TYPE_CHECKING:
    from scaling.watching.across import Across

# The name of this way to forecast; a change of its numbers is a new name.
METHOD = "curve 1"
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
# Fewer evaluations or windows than this are no curve.
MIN_POINTS = 5
# What JSON has elsewhere or not at all.
_APART = ("curve", "notes")
# The gain that a plateau does not promise: 1 % of the loss.
GAIN = 0.01


@dataclass(frozen=True)
class Source:
    """What one source says of the end alone.

    Attributes:
        source: in words.
        q05, q50, q95: quantiles of the end.
        weight: in the median of the forecast, by precision.
        chance_apart: of a gap to the curve as wide or wider, if both were right; 1 of the curve.
    """

    source: str
    q05: float
    q50: float
    q95: float
    weight: float
    chance_apart: float


@dataclass(frozen=True)
class Progress:
    """A run under way and the forecast of its end.

    Attributes:
        run, metric, unit: as of the series.
        at: how far the run is, in ``unit``.
        planned: where it ends.
        share: of the run that is done.
        window: over which a training loss is averaged, in ``unit``; 0 for values as they are.
        points: of the curve that the forecast rests on.
        level: the present loss on the fitted curve.
        quantiles: of the end, by their levels.
        beat: a loss to reach, and ``chance_to_beat`` the chance to end at or below it.
        gain: a part of the loss, and ``chance_of_gain`` the chance that the rest of the run lowers
            the loss by it.
        chance_by_doubling: the same for twice the present steps.
        plateau: whether that is below one half.
        spikes: of the logged values.
        not_finite: values that are NaN or infinite; None where there are none.
        method: how the forecast is made.
        curve: what the forecast rests on.
        sources: what the curve and other runs say alone; none where no other runs are named.
        notes: what a reader must know of the other runs.
    """

    run: str
    metric: str
    unit: str
    at: float
    planned: float
    share: float
    window: float
    points: int
    level: float
    quantiles: dict[float, float]
    beat: float | None
    chance_to_beat: float | None
    gain: float
    chance_of_gain: float
    chance_by_doubling: float
    plateau: bool
    spikes: tuple[Spike, ...]
    not_finite: NotFinite | None
    method: str
    curve: Curve
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        """The forecast of the end."""
        return self.quantiles[0.5]

    def to_dict(self) -> dict[str, object]:
        """All but the curve and the notes, as JSON has it."""
        names = {level: f"q{100 * level:02.0f}" for level in LEVELS}
        facts = {key: one for key, one in asdict(self).items() if key not in _APART}
        facts["quantiles"] = {names[level]: one for level, one in self.quantiles.items()}
        return facts


def progress(
    series: Series,
    *,
    beat: float | None = None,
    gain: float = GAIN,
    smooth: float | None = None,
    schedule: Any = None,
    earlier: tuple[Array, Array] | None = None,
    across: Across | None = None,
) -> Progress:
    """The forecast of the end of a run from its log so far.

    Args:
        series: the run's log.
        beat: a loss to reach.
        gain: the part of the loss by which a plateau is judged, between 0 and 1.
        smooth: window of the mean, in the unit of the series; None for 1 % of the run of a training
            loss, and values as they are of an evaluation.
        schedule: of the learning rate (`scaling.watching.schedule`); None for a curve that goes on
            as it has.
        earlier: points of the curve (k,) and (k,) that the log no longer has.
        across: other runs that inform the end.

    Raises:
        TooShort: fewer points than a curve needs.
        InputError: values that are not positive, an argument out of range, or other runs that say
            nothing of this one.
    """
    _check(series, beat, gain, smooth)
    found = _with_earlier(curve(series, window_of(series, smooth)), series, earlier)
    if len(found.at) < MIN_POINTS:
        what = f"windows of {found.window:,.4g} {series.unit}" if found.window else "evaluations"
        bad = not_finite(series.at, series.value)
        value = f"{len(found.at)} at {series.unit[:-1]} {series.last:,.0f}"
        value += f", {bad.values} values NaN or infinite" if bad else ""
        raise TooShort("too short a log", value=value, allowed=f"{MIN_POINTS} {what} or more")
    x, y = found.at, found.value
    end, now = _at(x, y, (found.end, x[-1]), schedule)
    (doubled,) = _at(x, y, (2.0 * x[-1],), None)
    others, notes = ([], []) if across is None else across.opinions(series, found, schedule)
    pooled = pool([Opinion("The run's curve", end), *others]) if others else None
    end = end if pooled is None else pooled.made
    level = float(np.exp(now.location[0]))
    low = np.array([level * (1.0 - gain)])
    by_doubling = float(doubled.rank(low)[0])
    values = end.quantiles(np.array(LEVELS))[:, 0]
    return Progress(
        run=series.run,
        metric=series.metric,
        unit=series.unit,
        at=series.last,
        planned=series.planned,
        share=series.last / series.planned,
        window=found.window,
        points=len(x),
        level=level,
        quantiles=dict(zip(LEVELS, values.tolist(), strict=True)),
        beat=beat,
        chance_to_beat=None if beat is None else float(end.rank(np.array([beat]))[0]),
        gain=gain,
        chance_of_gain=float(end.rank(low)[0]),
        chance_by_doubling=by_doubling,
        plateau=by_doubling < 0.5,
        spikes=tuple(spikes(series.at, series.value)),
        not_finite=not_finite(series.at, series.value),
        method=METHOD
        + " with schedule 2" * (schedule is not None)
        + " with other runs" * bool(pooled),
        curve=found,
        sources=() if pooled is None else _sources(pooled),
        notes=(*notes, *(() if pooled is None else pooled.warnings())),
    )


def _sources(pooled: Pooled) -> tuple[Source, ...]:
    """What each opinion says of the end."""
    levels, found = np.array((LEVELS[0], 0.5, LEVELS[-1])), []
    rows = zip(pooled.opinions, pooled.weights[:, 0], pooled.chances[:, 0], strict=True)
    for one, weight, chance in rows:
        low, middle, high = one.made.quantiles(levels)[:, 0].tolist()
        found.append(Source(one.source, low, middle, high, float(weight), float(chance)))
    return tuple(found)


class TooShort(InputError):
    """Too few points so far for a curve."""


def _with_earlier(found: Curve, series: Series, earlier: tuple[Array, Array] | None) -> Curve:
    """The curve with what lies before the first value of the log."""
    if earlier is None:
        return found
    before = earlier[0] < series.at[0]
    at, value = (one[before] for one in earlier)
    return replace(
        found, at=np.concatenate([at, found.at]), value=np.concatenate([value, found.value])
    )


def _at(x: Array, y: Array, places: Sequence[float], schedule: Any) -> list[Predictive]:
    """The distribution at each of the places."""
    made = forecast_end(x, y, np.array(places), schedule)
    return [
        replace(made, location=made.location[k : k + 1], scale=made.scale[k : k + 1])
        for k in range(len(places))
    ]


def _check(series: Series, beat: float | None, gain: float, smooth: float | None) -> None:
    if not 0.0 < gain < 1.0:
        raise InputError("not a part of the loss", column="gain", value=gain, allowed="0 to 1")
    if beat is not None and not (np.isfinite(beat) and beat > 0.0):
        raise InputError("not a loss to reach", column="beat", value=beat, allowed="> 0")
    if smooth is not None and not 0.0 <= smooth <= series.planned:
        allowed = f"0 to {series.planned:,.0f} {series.unit}"
        raise InputError("not a window", column="smooth", value=smooth, allowed=allowed)
    low = np.flatnonzero(series.value <= 0.0)
    if len(low):
        raise InputError(
            f"not a loss that can be forecast, at {series.unit[:-1]} {series.at[low[0]]:,.0f}",
            column=series.metric,
            value=float(series.value[low[0]]),
            allowed="> 0 (its logarithm is forecast)",
        )
