"""Words in the names of columns that tell a unit: params_M, tokens (billions), млрд."""

from __future__ import annotations

import re
from collections.abc import Mapping

_COUNT_WORDS = r"k|m|b|t|bn|mn|tn|thousands?|millions?|billions?|trillions?"
# What tells a unit in a column's name: params_M, tokens (billions), nTokensB, "params, 1e6".
_NAMED = re.compile(
    rf"(?:^|[^a-z])({_COUNT_WORDS}|[gtpez]flops?|pf.?days?)(?:$|[^a-z])", re.IGNORECASE
)
# The same in other languages, with what it is of ours; tens of thousands and hundreds of millions,
# as counted in East Asia, are no unit here.
_ELSEWHERE = {
    **dict.fromkeys(("тыс", "тысяч", "tsd", "千"), "k"),
    **dict.fromkeys(("млн", "миллионов", "mio", "millionen", "millones", "百万", "百萬"), "M"),
    **dict.fromkeys(
        ("млрд", "миллиардов", "mrd", "mld", "milliarden", "milliards", "十亿", "十億"), "B"
    ),
    **dict.fromkeys(("трлн", "триллионов", "兆"), "T"),
    **dict.fromkeys(("万", "萬", "만", "亿", "億", "억", "lakh", "crore", "crores"), None),
}
# The longest first. Words in East Asian characters stand without a space.
_SPACED, _UNSPACED = (
    "|".join(sorted((one for one in _ELSEWHERE if (one > "\u3000") == east), key=len, reverse=True))
    for east in (False, True)
)
_OTHER_WORD = re.compile(rf"(?:(?:^|[\W_])({_SPACED})|({_UNSPACED}))(?:$|[\W_])", re.IGNORECASE)
_CAMEL = re.compile(r"[a-z](K|M|B|T|Bn|Mn|Tn|Millions?|Billions?|Trillions?)$")
_POWER = re.compile(r"(?:^|\D)1(?:e\+?|0(?:\^|\*\*))0?(3|6|9|12)(?:$|\D)", re.IGNORECASE)
PERPLEXITY_NAMED = re.compile(r"(?:^|[^a-z])(ppl|perplexity|perplexities)(?:$|[^a-z])", re.I)


def named(column: str) -> str | None:
    """The word in a column's name that speaks of a unit of counts or compute."""
    for pattern in (_NAMED, _CAMEL):
        if found := pattern.search(column):
            return found[1]
    if found := _OTHER_WORD.search(column):
        return found[1] or found[2]
    found = _POWER.search(column)
    return f"1e{found[1]}" if found else None


def unit_of_word(word: str, units: Mapping[str, float]) -> str | None:
    """The one of ``units`` that such a word means; None where it is none of them."""
    if word.lower() in _ELSEWHERE:
        meant = _ELSEWHERE[word.lower()]
        return meant if meant in units else None
    short = word.lower().rstrip("s")
    short = {"thousand": "k", "1e3": "k", "1e6": "m", "1e9": "b", "1e12": "t"}.get(short, short)
    by_word = {one.lower(): one for one in units}
    return by_word.get(short) or by_word.get(short[0] if "flop" not in short else short)
