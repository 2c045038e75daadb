"""Numbers and names as a person reads them. Every function takes None and returns a dash for it."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from scaling.io.json_files import as_number

DASH = "\u2014"
RANGE = "\u2013"
_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_HIDDEN = {"Cc", "Cf", "Cs"}


def clean(value: Any) -> str:
    """Text from data without control, direction or surrogate characters, on one line."""
    joined = " ".join(str(value).split())
    return "".join("\ufffd" if unicodedata.category(char) in _HIDDEN else char for char in joined)


def loss(value: Any) -> str:
    """Four significant digits: 1.934, 2.400."""
    found = as_number(value)
    if found is None:
        return DASH
    return f"{found:#.4g}".rstrip(".") if 1e-3 <= abs(found) < 1e4 else f"{found:.3e}"


def shift(value: Any, digits: int = 3) -> str:
    """A signed difference with a true minus sign: +0.012, −0.340."""
    found = as_number(value)
    if found is None:
        return DASH
    text = f"{abs(found):.{digits}f}"
    sign = "" if float(text) == 0 else ("+" if found > 0 else "\u2212")
    return sign + text


def span(value: Any) -> str:
    """A width or distance between losses: three decimals, at least two digits."""
    found = as_number(value)
    if found is None:
        return DASH
    return f"{found:.3f}" if abs(found) >= 0.01 or found == 0 else f"{found:.2g}"


def count(value: Any) -> str:
    """Params or tokens with three digits and a suffix: 405B, 15.6T."""
    found = as_number(value)
    if found is None:
        return DASH
    rounded = float(f"{found:.3g}")
    if abs(rounded) >= 1e15:
        return scientific(found)
    for scale, suffix in _SUFFIXES:
        if abs(rounded) >= scale:
            return f"{rounded / scale:.3g}{suffix}"
    return f"{rounded:g}"


def scientific(value: Any, digits: int = 2) -> str:
    """Powers of ten without padding: 3.8e25, 1e21."""
    found = as_number(value)
    if found is None:
        return DASH
    mantissa, exponent = f"{found:.{digits - 1}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


SUPERSCRIPT = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_RAISED = str.maketrans("-0123456789", SUPERSCRIPT)


def power(value: Any) -> str:
    """As a power of ten: 3.8e25 becomes 3.8 × 10²⁵, and 1e21 becomes 10²¹."""
    text = scientific(value)
    if text == DASH:
        return text
    mantissa, exponent = text.split("e")
    raised = f"10{exponent.translate(_RAISED)}"
    return raised if mantissa == "1" else f"{mantissa} \u00d7 {raised}"


def times(value: Any) -> str:
    """A factor with two digits: 7.7×, 770×, 7,900×."""
    found = as_number(value)
    if found is None:
        return DASH
    rounded = float(f"{found:.2g}")
    return f"{rounded:,.0f}\u00d7" if rounded >= 10 else f"{rounded:.2g}\u00d7"


def flop(value: Any) -> str:
    """Compute: 3.8e25 FLOP."""
    text = scientific(value)
    return text if text == DASH else f"{text} FLOP"


def integer(value: Any) -> str:
    """A whole number with thousands separated: 4,000."""
    found = as_number(value)
    return DASH if found is None else f"{found:,.0f}"


def share(value: Any) -> str:
    """A fraction as a percentage: 0.98 -> 98 %."""
    found = as_number(value)
    if found is None:
        return DASH
    percent = 100 * found
    digits = 0 if percent in (0.0, 100.0) or 1 <= percent <= 99 else 1
    return f"{percent:.{digits}f} %"


def percent(value: Any) -> str:
    """A small fraction with two digits: 0.0123 -> 1.2 %."""
    found = as_number(value)
    if found is None:
        return DASH
    return f"{100 * found:.2g} %" if abs(found) < 0.1 else f"{100 * found:.0f} %"


def plain(value: Any, digits: int = 4) -> str:
    """Any scalar: integers whole, the rest with few digits, scientific when far from one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return clean(value) or DASH
    found = as_number(value)
    if found is None:
        return DASH
    if found == int(found) and abs(found) < 1e9:
        return f"{int(found):,}"
    if 1e-4 <= abs(found) < 1e6:
        return f"{found:,.{digits}g}" if abs(found) < 10**digits else f"{found:,.0f}"
    return scientific(found, digits)


def between(low: str, high: str) -> str:
    """Two formatted ends as one interval; a dash when either is missing."""
    return DASH if DASH in (low, high) else f"{low}{RANGE}{high}"


def estimate(value: Any, error: Any) -> tuple[str, str]:
    """A value and its standard error, both to the second digit of the error.

    Large values keep their whole part up to a million and turn scientific beyond; without an
    error the value has five digits.
    """
    found, spread = as_number(value), as_number(error)
    if found is None:
        return DASH, plain(error, 2)
    if spread is None or spread <= 0:
        return plain(found, 5), plain(error, 2)
    if max(abs(found), spread) >= 1e6:
        ratio = abs(found) / spread
        digits = 2 + max(0, math.floor(math.log10(ratio))) if ratio > 0 else 2
        return scientific(found, min(digits, 6)), scientific(spread)
    places = min(max(0, 1 - math.floor(math.log10(spread))), 8)
    return f"{found:,.{places}f}", f"{spread:,.{places}f}"


def like(value: Any, pattern: str) -> str:
    """The value with as many decimals as the formatted number ``pattern`` has."""
    found = as_number(value)
    if found is None:
        return DASH
    if "e" in pattern or abs(found) >= 1e6:
        mantissa = pattern.partition("e")[0]
        return scientific(found, sum(char.isdigit() for char in mantissa) if "e" in pattern else 3)
    places = len(pattern.rpartition(".")[2]) if "." in pattern else 0
    return f"{found:,.{places}f}"


def shorten(text: str, limit: int) -> str:
    """The text, cut with an ellipsis at ``limit`` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"
