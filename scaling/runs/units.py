"""Units that figures come in, and their factors to the units of `scaling.runs.schema`.

A unit is stated or is ours; it is never worked out from the values. `suspicion` says where a
column that states none does not look as if it were in ours.
"""

from __future__ import annotations

import math
import re
from functools import cache

import polars as pl

from scaling.errors import InputError
from scaling.runs.schema import RUN, by_name

# What a person writes behind a count: 350M, 7B, 1.4T. Binary multiples are another matter.
COUNTS = {"1": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_PREFIXES = {"": 1.0, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21, "Y": 1e24}
_DAY_SECONDS = 86_400.0
COMPUTE = {f"{prefix}FLOP": factor for prefix, factor in _PREFIXES.items()} | {
    f"{prefix}F-days": factor * _DAY_SECONDS for prefix, factor in _PREFIXES.items() if prefix > "M"
}
# A day, as seconds or milliseconds since 1970 (UTC), beside a written date.
MOMENTS = {"date": 0.0, "unix": 1.0, "unix-ms": 1e-3}
ENTROPY = ("nats/token", "bits/token", "nats/byte", "bits/byte")
SHARES = ("fraction", "percent")
_BY_SCHEMA_UNIT = {
    **dict.fromkeys(("parameters", "tokens", "examples", "streams", "experts", "steps"), COUNTS),
    "FLOP": COMPUTE,
    "date": MOMENTS,
}
# Smallest middle value that is believable without a stated unit.
_BELIEVABLE = {"parameters": 1e3, "tokens": 1e3, "FLOP": 1e8}
_SUFFIXED = r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([kKmMbBtT])\s*$"
# Words in a column's name that tell a unit, so that none being stated is ambiguous.
_NAMED = re.compile(
    r"(?:^|[^a-z])(k|m|b|t|bn|mn|tn|millions?|billions?|trillions?|[gtpez]flops?|pf.?days?)"
    r"(?:$|[^a-z])",
    re.IGNORECASE,
)


@cache
def units_of(column: str) -> dict[str, float]:
    """Units that a column of the run schema can come in, with factors; empty where there are none.

    ``value`` is not among them: its unit is a matter of the metric (`value_factor`).
    """
    return _BY_SCHEMA_UNIT.get(by_name(RUN)[column].unit, {})


def in_full(text: pl.Expr) -> pl.Expr:
    """Counts written with a suffix as plain numbers: '7B' is '7e9'; other text as it is."""
    number, letter = (text.str.extract(_SUFFIXED, group) for group in (1, 2))
    power = letter.str.to_uppercase().replace_strict(
        {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}, default=None, return_dtype=pl.Float64
    )
    # As text again: what does not parse has to keep its own text for quarantine.
    written = (number.cast(pl.Float64, strict=False) * power).cast(pl.String)
    return pl.coalesce(written, text)


def has_suffix(text: pl.Expr) -> pl.Expr:
    """Whether a cell is a number with k, M, B or T behind it."""
    return text.str.contains(_SUFFIXED).fill_null(value=False)


def suspicion(column: str, theirs: str, middle: float | None) -> str | None:
    """Why a column without a stated unit may not be in ours; None when nothing speaks against it.

    ``middle`` is the median of its values.
    """
    units = units_of(column)
    if not units or units is MOMENTS:
        return None
    ours = by_name(RUN)[column].unit
    named = _NAMED.search(theirs)
    if named:
        return f"the name of {theirs!r} speaks of {named[1]!r}, and no unit is stated"
    least = _BELIEVABLE.get(ours, 0.0)
    if middle is not None and 0.0 < middle < least:
        return f"the middle value is {middle:g}, which is few {ours}, and no unit is stated"
    return None


def value_factor(unit: str, to: str, bytes_per_token: float | None) -> float:
    """What a metric's value in ``unit`` is multiplied by to be in ``to``.

    nats = ln 2 x bits; per token = bytes per token x per byte; fraction = percent / 100.

    Raises:
        InputError: the two do not measure the same, or the tokenizer's rate is missing.
    """
    if unit == to:
        return 1.0
    if unit in SHARES and to in SHARES:
        return 0.01 if unit == "percent" else 100.0
    if unit not in ENTROPY or to not in ENTROPY:
        allowed = " | ".join((*ENTROPY, *SHARES))
        raise InputError(f"cannot turn {unit!r} into {to!r}", value=unit, allowed=allowed)
    (measure, per), (to_measure, to_per) = unit.split("/"), to.split("/")
    factor = {("bits", "nats"): math.log(2.0), ("nats", "bits"): 1.0 / math.log(2.0)}
    made = factor.get((measure, to_measure), 1.0)
    if per == to_per:
        return made
    if bytes_per_token is None:
        raise InputError(
            f"turning {unit} into {to} needs the tokenizer's rate",
            hint="Add --bytes-per-token RATE: bytes of the evaluation text / tokens in it.",
        )
    return made * bytes_per_token if to_per == "token" else made / bytes_per_token
