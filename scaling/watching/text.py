"""A look at a run in words, and as JSON has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scaling.watching.alert import Left
from scaling.watching.progress import Progress, Source
from scaling.watching.remaining import Remaining
from scaling.watching.signs import NotFinite, Spike
from scaling.watching.watcher import ENDED, STOPPED, WAITING, Look

# Spikes that a line names; more are counted.
SHOWN = 3


def line(look: Look) -> str:
    """A look in one line."""
    made = look.progress
    if look.state == ENDED:
        return f"{look.time} ended: {_value((look.score or {}).get('observed'))}"
    if made is None:
        return f"{look.time} {look.state}: {look.why}"
    q = made.quantiles
    parts = [
        f"{look.time} {made.unit[:-1]} {made.at:,.0f} of {made.planned:,.0f} ({made.share:.1%})",
        f"now {made.level:.4g}",
        f"end {made.median:.4g} (90 %: {q[0.05]:.4g} to {q[0.95]:.4g})",
    ]
    if made.chance_to_beat is not None:
        parts.append(f"at or below {made.beat:g}: {percent(made.chance_to_beat)}")
    parts += list(_signs(made))
    if look.remaining is not None and look.remaining.hours is not None:
        parts.append(f"{hours(look.remaining.hours)} left")
    if look.left is not None:
        parts.append(_left(look.left))
    return "; ".join(parts)


def _signs(made: Progress) -> Iterator[str]:
    if made.plateau:
        yield "plateau"
    open_ = [one for one in made.spikes if one.recovered is None]
    if open_:
        yield f"spike since {open_[-1].start:,.0f}"
    if made.not_finite is not None and made.not_finite.last:
        yield "no number since " + f"{made.not_finite.first:,.0f}"


def lines(look: Look) -> Iterator[str]:
    """All that a look found."""
    yield from (f"{note}." for note in look.notes)
    if look.score is not None:
        yield from score_lines(look)
    elif look.progress is None:
        yield line(look)
    else:
        yield from _progress(look.progress)
    if look.remaining is not None:
        yield from _remaining(look.remaining)
    if look.left is not None:
        yield f"Alert: {_left(look.left)}."


def _progress(made: Progress) -> Iterator[str]:
    what = (
        f"mean of {made.metric} over the last {made.window:,.4g} {made.unit}"
        if made.window
        else f"last value of {made.metric}"
    )
    q = made.quantiles
    yield (
        f"{made.run}: {made.unit[:-1]} {made.at:,.0f} of {made.planned:,.0f} ({made.share:.1%}), "
        f"{made.metric} now {made.level:.4g} on the curve through {made.points} points"
    )
    yield (
        f"End ({what}): {made.median:.4g}, 50 % {q[0.25]:.4g} to {q[0.75]:.4g}, "
        f"90 % {q[0.05]:.4g} to {q[0.95]:.4g}"
    )
    yield from map(_source, made.sources)
    if made.chance_to_beat is not None:
        yield f"Chance to end at or below {made.beat:g}: {percent(made.chance_to_beat)}"
    yield (
        f"Chance that the rest of the run lowers the loss by {100 * made.gain:.3g} % or more: "
        f"{percent(made.chance_of_gain)}; that twice the {made.unit} so far would: "
        f"{percent(made.chance_by_doubling)}{' (under 50 %: a plateau)' if made.plateau else ''}"
    )
    yield from _spikes(made)
    if made.not_finite is not None:
        yield _no_numbers(made.not_finite, made.unit)


def _source(one: Source) -> str:
    return (
        f"  {one.source} alone: {one.q50:.4g}, 90 % {one.q05:.4g} to {one.q95:.4g}; "
        f"weight {one.weight:.0%}"
    )


def _spikes(made: Progress) -> Iterator[str]:
    if made.spikes:
        last = "; ".join(_spike(one, made.unit) for one in made.spikes[-SHOWN:])
        more = len(made.spikes) - SHOWN
        yield f"Spikes: {f'{more} earlier, ' if more > 0 else ''}{last}"


def _spike(one: Spike, unit: str) -> str:
    back = "not recovered" if one.recovered is None else f"recovered at {one.recovered:,.0f}"
    return (
        f"{unit[:-1]} {one.start:,.0f} to {one.peak:.4g} ({one.deviations:.0f} deviations), {back}"
    )


def _no_numbers(found: NotFinite, unit: str) -> str:
    now = "the last value is one: the run has diverged" if found.last else "later values are finite"
    return (
        f"NaN or infinite: {found.values} values, the first at {unit[:-1]} {found.first:,.0f}; "
        f"{now}. The forecast reads the finite ones"
    )


def _remaining(rest: Remaining) -> Iterator[str]:
    if rest.hours is not None:
        yield f"Left: {hours(rest.hours)}"
    if rest.energy_kwh is not None and rest.usd is not None:
        energy, usd = rest.energy_kwh, rest.usd
        yield (
            f"Left: {energy.central:,.4g} kWh ({energy.low:,.4g} to {energy.high:,.4g}), "
            f"{usd.central:,.4g} USD ({usd.low:,.4g} to {usd.high:,.4g})"
        )
    yield from (f"{one}." for one in (*rest.basis, *rest.missing))


def score_lines(look: Look) -> Iterator[str]:
    """What stood at shares of a run that has ended, beside its end; nothing before."""
    if look.score is not None:
        yield from _score(look.score)


def _score(found: dict[str, Any]) -> Iterator[str]:
    what = f"mean over the last {found['window']:,.4g}" if found["window"] else "last value"
    yield f"{found['run']} ended: {found['metric']} {_value(found['observed'])} ({what})"
    for one in found["forecasts"]:
        share = f"{one['share']:.0%}"
        if one["made"] is None:
            yield f"  {share}: no forecast: {one['why']}"
            continue
        inside = ""
        if "inside_90" in one:
            place = "inside" if one["inside_90"] else "outside"
            inside = f", {place} the 90 % interval, median off by {one['error']:+.2%}"
        yield (
            f"  {share}: {one['q50']:.4g} (90 %: {one['q05']:.4g} to {one['q95']:.4g}), made "
            f"{one['made']}{inside}"
        )


def _left(left: Left) -> str:
    return (
        f"the end, {left.value:.4g}, is {left.side} the 90 % interval that stood on {left.time}, "
        f"{left.low:.4g} to {left.high:.4g}"
    )


def _value(end: float | None) -> str:
    return "no number" if end is None else f"{end:.4g}"


def percent(chance: float) -> str:
    """A chance, of which no forecast is surer than 1 in 100."""
    if chance < 0.01:
        return "under 1 %"
    return "over 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"


def hours(length: float) -> str:
    """A time in the unit that suits it."""
    if length < 1.0 / 60.0:
        return f"{3600 * length:.0f} s"
    if length < 1.0:
        return f"{60 * length:.0f} min"
    return f"{length:.1f} h" if length < 48.0 else f"{length / 24:.1f} days"


def facts(look: Look) -> dict[str, Any]:
    """A look as JSON has it."""
    rest, left, made = look.remaining, look.left, look.progress
    return {
        "state": look.state,
        "time": look.time,
        "why": look.why or None,
        "progress": None if made is None else made.to_dict(),
        "remaining": None if rest is None else _rest(rest),
        "left_interval": None if left is None else vars(left) | {"side": left.side},
        "score": look.score,
        "notes": list(look.notes),
    }


def _rest(rest: Remaining) -> dict[str, Any]:
    ends = {"energy_kwh": rest.energy_kwh, "usd": rest.usd}
    return {
        "hours": rest.hours,
        **{name: None if one is None else vars(one) for name, one in ends.items()},
        "basis": list(rest.basis),
        "missing": list(rest.missing),
    }


def answered(look: Look) -> bool:
    """Whether there is a forecast or a score, and the run has not diverged or stopped."""
    bad = look.progress and look.progress.not_finite
    return look.state not in (WAITING, STOPPED) and not (bad and bad.last)
