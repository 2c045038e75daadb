"""The learning rate along one run, as a text describes it (`plan`).

    constant[:peak=,warmup=]
    cosine[:floor=10%,warmup=,end=]        f + (1 - f) (1 + cos(pi u)) / 2
    linear[:floor=0,warmup=,end=]          1 - (1 - f) u
    wsd[:decay=20%,shape=linear,floor=0,warmup=,end=]
                                           constant, then a decay over the last share
    points:0=0,2000=3e-4,20000=3e-4,24000=0    straight lines; two at one place are a jump

u is the share of the decay that is done, f the floor, the rate at the end, as a share of the peak.
Lengths are in the unit of the curve's input (steps, tokens, epochs) or shares of the end: 20%, or
.2 where the run is longer than `LONG`. Rates are in any unit: a forecast reads only their ratios to
the peak, and a floor of .01 or more without a peak is such a ratio.

Shapes of a decay: linear, cosine, sqrt (1 - sqrt(u), Haegele et al. 2024, arXiv:2405.18392) and exp
(f^u, which needs a floor above 0).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError, nearest

# Intervals that a curved decay is drawn with: a cosine is then within (pi / 512)^2 / 8 = 5e-6.
PIECES = 512
# The default decay of wsd: about a fifth of the steps (Haegele et al. 2024, section 3).
DECAY = 0.2
# The default floor of cosine: a tenth of the peak (Hoffmann et al. 2022, arXiv:2203.15556, app. B).
FLOOR = 0.1
SHAPES = ("linear", "cosine", "sqrt", "exp")
OTHER_NAMES = {"1-sqrt": "sqrt", "exponential": "exp"}
# Runs from this length on have no length below 1: that is a share.
LONG = 100.0
# Shares of the run below which a length is in another unit: steps of a run in tokens.
SHORTEST = 1e-5
# Ratio to the peak from which a floor can be no rate: peaks are lower.
LEAST_RATIO = 0.01
KEYS = {
    "constant": ("peak", "warmup", "end"),
    "cosine": ("peak", "floor", "warmup", "end"),
    "linear": ("peak", "floor", "warmup", "end"),
    "wsd": ("peak", "floor", "warmup", "end", "decay", "shape"),
    "points": (),
}
MEANS = {
    "peak": "highest rate",
    "floor": "rate at the end, such as 10%",
    "warmup": "length of the warm-up",
    "end": "length of the run",
    "decay": "length of the decay",
    "shape": ", ".join(SHAPES[:-1]) + " or exp",
}
EXAMPLE = "constant, cosine:floor=10%,end=24000, linear:warmup=2%, wsd:decay=20%,shape=sqrt"


@dataclass(frozen=True)
class Schedule:
    """A learning rate, linear between knots and constant outside them.

    Attributes:
        x: places of the knots (k,), in the unit of the curve's input, in order; a jump has two.
        rate: learning rate there (k,), >= 0.
        source: where it is from, for people.
        notes: what was assumed, sentences.
        relative: the rates are in units of the peak, which was not named.
        open_from: the place beyond which nothing says the rate, so that it is taken as constant.
    """

    x: Array
    rate: Array
    source: str
    notes: tuple[str, ...] = ()
    relative: bool = False
    open_from: float = math.inf

    @property
    def peak(self) -> float:
        """The highest rate."""
        return float(self.rate.max())

    @property
    def warm(self) -> float:
        """Where the warm-up ends: the first knot above 0 after which the rate does not rise."""
        ends = np.flatnonzero((np.diff(self.rate) <= 0) & (self.rate[:-1] > 0))
        return float(self.x[ends[0]] if len(ends) else self.x[-1])

    def at(self, x: Array) -> Array:
        """The rate at places (n,); at a jump that after it."""
        return np.asarray(np.interp(x, self.x, self.rate))


def plan(text: str, end: float | None = None) -> Schedule:
    """The schedule that a text such as ``cosine:floor=10%,warmup=2000,end=24000`` describes.

    Args:
        text: as in the module.
        end: the end of the run, where the text names none.

    Raises:
        InputError: an unknown schedule or key, a value that is no length or rate, lengths out of
            order, no end.
    """
    kind, _, rest = text.strip().partition(":")
    kind = kind.strip().lower()
    if kind not in KEYS:
        raise InputError(
            "unknown schedule", value=text, allowed=EXAMPLE, hint=nearest(kind, list(KEYS))
        )
    pairs = list(_pairs(rest, text))
    if kind == "points":
        return _points(pairs, end, text)
    given = dict(pairs)
    if len(given) < len(pairs):
        raise InputError("schedule: a key stands twice", value=text, allowed="each key once")
    for key in given:
        if key not in KEYS[kind]:
            allowed = ", ".join(f"{one} ({MEANS[one]})" for one in KEYS[kind])
            raise InputError(f"{kind} has no {key!r}", value=text, allowed=allowed)
    return _named(kind, given, end, text)


def _pairs(rest: str, text: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, (one.strip() for one in rest.split(","))):
        key, equals, value = (one.strip() for one in part.partition("="))
        if not equals or not value:
            raise InputError("schedule: not KEY=VALUE", value=text, allowed=EXAMPLE)
        yield key, value


_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([kmbt%]?)", re.I)
_FACTORS = {"": 1.0, "%": 0.01, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def _number(key: str, value: str, text: str, most: float = math.inf) -> tuple[float, bool]:
    """A value and whether it is a share (written with %)."""
    found = _NUMBER.fullmatch(value)
    number = float(found[1]) * _FACTORS[found[2].lower()] if found else math.nan
    share = bool(found and found[2] == "%")
    if not (math.isfinite(number) and 0 <= number <= (1.0 if share else most)):
        allowed = "a number such as 2000, 300B or 3e-4 (>= 0), or a share such as 10%"
        raise InputError(f"schedule: {key} is no such number", value=f"{value} in {text}",
                         allowed=allowed)  # fmt: skip
    return number, share


def _named(kind: str, given: Mapping[str, str], end: float | None, text: str) -> Schedule:
    """The schedule of a name, with what it assumes."""
    assumed = []
    if "end" in given:
        end = _number("end", given["end"], text)[0]
    elif end is not None and kind != "constant":
        assumed.append(f"an end at {end:.6g} (the farthest target)")
    if not end:
        raise InputError("schedule: where does it end?", value=text, allowed="end=NUMBER, > 0")
    peak = _peak(given, text)
    warmup = _length("warmup", given.get("warmup", "0"), end, text, assumed)
    if "warmup" not in given:
        assumed.append("no warm-up")
    floor = _floor(kind, given, peak, text, assumed)
    begins = _decay_begin(kind, given, (warmup, end), text, assumed)
    shape = given.get("shape", "linear").lower() if kind == "wsd" else kind
    share = _decay(OTHER_NAMES.get(shape, shape), floor, text)
    x = np.concatenate([[0.0], [warmup] * (warmup > 0), np.linspace(begins, end, len(share))])
    rate = np.concatenate([[1.0 if warmup == 0 else 0.0], [1.0] * (warmup > 0), share])
    said = (f"Schedule {text}. Assumed: {', '.join(assumed)}.",) if assumed else ()
    return Schedule(x, peak * rate, f"the schedule {text}", said, "peak" not in given)


def _peak(given: Mapping[str, str], text: str) -> float:
    peak, share = _number("peak", given.get("peak", "1"), text)
    if share or peak == 0:
        raise InputError("schedule: peak is no rate", value=text, allowed="> 0, such as 3e-4")
    return peak


def _floor(
    kind: str, given: Mapping[str, str], peak: float, text: str, assumed: list[str]
) -> float:
    """The floor as a share of the peak."""
    if kind == "constant":
        return 1.0
    if "floor" not in given:
        shape = given.get("shape", "").lower()
        default = FLOOR if kind == "cosine" or OTHER_NAMES.get(shape, shape) == "exp" else 0.0
        assumed.append(f"a floor of {default:.0%} of the peak")
        return default
    floor, share = _number("floor", given["floor"], text)
    if not share and "peak" not in given and LEAST_RATIO <= floor <= 1.0:
        assumed.append(f"a floor of {floor:.0%} of the peak, since no peak is named")
        return floor
    if not share and floor > 0 and "peak" not in given:
        raise InputError(
            "schedule: a floor that is a rate needs the peak",
            value=text,
            allowed="floor=10%, or peak= and floor= as rates",
        )
    floor = floor if share else floor / peak
    if floor > 1:
        raise InputError("schedule: the floor is above the peak", value=text, allowed="<= peak")
    return floor


def _length(key: str, value: str, end: float, text: str, assumed: list[str]) -> float:
    """A length in the unit of the end."""
    number, share = _number(key, value, text)
    if not share and 0 < number < 1 and end > LONG:
        assumed.append(f"{key} as {number:.0%} of the run")
        share = True
    length = number * end if share else number
    if 0 < length < SHORTEST * end:
        raise InputError(
            f"schedule: {key} is in another unit than the run",
            value=text,
            allowed=f"a share such as 2%, or a length in the unit of {end:g}, the end",
        )
    if length > end:
        raise InputError(
            f"schedule: {key} is longer than the run", value=text, allowed=f"<= {end:g}, the end"
        )
    return length


def _decay_begin(
    kind: str,
    given: Mapping[str, str],
    ends: tuple[float, float],
    text: str,
    assumed: list[str],
) -> float:
    """Where the decay begins."""
    warmup, end = ends
    if kind != "wsd":
        return warmup
    if "decay" not in given:
        assumed.append(f"a decay over the last {DECAY:.0%}")
    begins = end - _length("decay", given.get("decay", f"{DECAY:.0%}"), end, text, assumed)
    if begins < warmup:
        raise InputError(
            "schedule: the decay begins within the warm-up",
            value=text,
            allowed=f"decay <= {end - warmup:g}",
        )
    return begins


def _decay(shape: str, floor: float, text: str) -> Array:
    """The rate along a decay as a share of the peak."""
    u = np.linspace(0.0, 1.0, PIECES + 1)
    if shape == "constant":
        return np.ones(2)
    if shape == "linear":
        return np.array([1.0, floor])
    if shape == "cosine":
        return floor + (1.0 - floor) * 0.5 * (1.0 + np.cos(np.pi * u))
    if shape == "sqrt":
        return floor + (1.0 - floor) * (1.0 - np.sqrt(u))
    if shape == "exp" and floor > 0:
        return np.asarray(floor**u)
    allowed = ", ".join(SHAPES) + " (exp needs a floor above 0)"
    raise InputError("schedule: no such shape of decay", value=text, allowed=allowed)


def _points(pairs: Sequence[tuple[str, str]], end: float | None, text: str) -> Schedule:
    """A schedule through points; two at one place are a jump."""
    found = [_number("place", place, text) for place, _ in pairs]
    if end is None and any(share for _, share in found):
        raise InputError("schedule: where does it end?", value=text, allowed="places without %")
    places = [at * (end or 1.0) if share else at for at, share in found]
    rates = [_number("rate", rate, text)[0] for _, rate in pairs]
    if len(places) < 2 or np.any(np.diff(places) < 0) or not max(rates) > 0:
        raise InputError(
            "schedule: not points in order",
            value=text,
            allowed="points:X=RATE,X=RATE,... with X rising, and a rate above 0",
        )
    note = f"Schedule {text}. Assumed: linear between its points."
    return Schedule(np.array(places), np.array(rates), f"the schedule {text}", (note,))
