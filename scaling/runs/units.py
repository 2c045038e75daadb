"""Units that figures come in, and their factors to the units of `scaling.runs.schema`.

A unit is stated or is ours; it is never worked out from the values. `scaling.runs.counts` reads
the counts of tables and options by what stands here, and refuses those that cannot be in ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
PERPLEXITY = "perplexity"
LOSSES = (*ENTROPY, PERPLEXITY)
SHARES = ("fraction", "percent")
_COUNTED = ("parameters", "tokens", "examples", "streams", "experts", "steps")
_BY_SCHEMA_UNIT = {**dict.fromkeys(_COUNTED, COUNTS), "FLOP": COMPUTE, "date": MOMENTS}
_BY_NAME = by_name(RUN)
# Words for the same, behind a number; beside them the letters in either case.
_COUNT_WORDS = {
    **{letter.lower(): factor for letter, factor in COUNTS.items() if letter != "1"},
    **dict.fromkeys(("thousand", "thousands"), 1e3),
    **dict.fromkeys(("million", "millions", "mn"), 1e6),
    **dict.fromkeys(("billion", "billions", "bn"), 1e9),
    **dict.fromkeys(("trillion", "trillions", "tn"), 1e12),
}
# Compute, with its words in small letters and without signs: 'petaFLOP/s-days' is pflopday. A rate
# (FLOP/s) is none.
_LONG_PREFIXES = {
    "mega": "m", "giga": "g", "tera": "t", "peta": "p", "exa": "e", "zetta": "z", "yotta": "y",
}  # fmt: skip
_FLOP_WORDS = {unit.lower().replace("f-days", "flopday"): f for unit, f in COMPUTE.items()}
_NUMBER_AND_WORD = r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z][A-Za-z /_-]*)$"
_NOUNS = r" *(?:parameters?|params?|tokens?|examples?|samples?|steps?)$"
# Of an even guess among a million tokens, more than any vocabulary has: the largest in use have
# 262,144 (Gemma 3, arXiv:2503.19786, section 2).
LARGEST_LOSS = math.log(1e6)


@cache
def units_of(column: str) -> Mapping[str, float]:
    """Units that a column can come in, with factors; empty where there are none.

    Sizes that only a law knows, such as ``params_vocab``, are counts too. ``value`` is not among
    them: its unit is a matter of the metric (`value_factor`).
    """
    if column in _BY_NAME:
        return _BY_SCHEMA_UNIT.get(_BY_NAME[column].unit, {})
    return COUNTS if column.split("_")[0] in ("params", "tokens") else {}


def in_full(text: pl.Expr, column: str) -> pl.Expr:
    """Numbers with their unit behind them as plain numbers, in our unit.

    Of counts '7B' and '7 billion' are 7e9, of compute '2 PF-days' is 1.728e20; other text is as it
    is.
    """
    number, factor = _parts(text, column)
    # As text again: what does not parse has to keep its own text for quarantine.
    return pl.coalesce((number * factor).cast(pl.String), text)


def has_suffix(text: pl.Expr, column: str) -> pl.Expr:
    """Whether a cell is a number with its unit behind it."""
    return _parts(text, column)[1].is_not_null()


def _parts(text: pl.Expr, column: str) -> tuple[pl.Expr, pl.Expr]:
    """The number in a cell, and the factor of the unit behind it; null where there is none."""
    number, word = (text.str.extract(_NUMBER_AND_WORD, group) for group in (1, 2))
    # PFLOPS is how people write a rate.
    word = pl.when(~word.str.contains(r"FLOPS\s*$")).then(word.str.to_lowercase())
    word = word.str.strip_chars()
    if units_of(column) is COMPUTE:
        word = word.str.replace_all(r"[ /_-]*(?:s|per second|second)?[ /_-]*days?$", "day")
        for long, short in _LONG_PREFIXES.items():
            word = word.str.replace(rf"^{long} ?", short)
        word = word.str.replace(r"^([gtpezy])fday$", "${1}flopday").str.replace("flops", "flop")
        known = _FLOP_WORDS
    else:
        word, known = word.str.replace(_NOUNS, "").replace("", "1"), {**_COUNT_WORDS, "1": 1.0}
    factor = word.replace_strict(known, default=None, return_dtype=pl.Float64)
    return number.cast(pl.Float64, strict=False), factor


def value_in(value: pl.Expr, unit: str, to: str, bytes_per_token: float | None) -> pl.Expr:
    """A metric's value turned from ``unit`` into ``to``; nats per token = ln perplexity.

    Raises:
        InputError: as `value_factor`.
    """
    if unit == PERPLEXITY != to:
        return value.log() * value_factor("nats/token", to, bytes_per_token)
    return value * value_factor(unit, to, bytes_per_token)


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
