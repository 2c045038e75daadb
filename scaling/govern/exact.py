"""Comparisons without rounding: fractions from the text of the cells, at and next to a threshold.

A float holds 15 to 17 digits of a cell, and a product or a sum of floats fewer. Far from a
threshold that changes nothing. Within `NEAR` of it a figure is computed again as a fraction, and
the float is moved onto the threshold, or just above or below it, so that every later comparison
of floats decides as the fractions do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError

# Relative distance within which sums and products of a few thousand floats can round across a
# threshold: an error of 2^-53 = 1.1e-16 for each.
NEAR = 1e-9
_FRACTION = re.compile(r"^\s*([\d.]+(?:[eE]\+?\d+)?)\s*/\s*([\d.]+(?:[eE]\+?\d+)?)\s*$")


def parsed(text: str) -> Fraction:
    """'1/3', '1e25/3' as a fraction.

    Raises:
        InputError: the text is no fraction of two numbers.
    """
    found = _FRACTION.match(text)
    try:
        if found is None:
            raise ValueError
        return Fraction(found.group(1)) / Fraction(found.group(2))
    except (ValueError, ZeroDivisionError):
        raise InputError("is no fraction", column="exact", value=text, allowed="1e25/3") from None


def threshold(rule: Mapping[str, Any]) -> Fraction:
    """The value of a rule: its fraction, or its decimal."""
    if rule.get("exact"):
        return parsed(rule["exact"])
    return Fraction(repr(float(rule["value"])))


def cell(row: Mapping[str, Any], name: str) -> Fraction | None:
    """A number of a row as its cell has it; None where it is empty."""
    if row.get(name) is None:
        return None
    digits = json.loads(row["digits"]) if row.get("digits") else {}
    return Fraction(digits.get(name) or repr(float(row[name])))


def product(*factors: Fraction | None) -> Fraction | None:
    """None where a factor is missing."""
    result = Fraction(1)
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return result


def snap(
    values: Array, limits: Iterable[Fraction], exactly: Callable[[int], Fraction | None]
) -> Array:
    """``values`` with those next to a limit on the side of it that ``exactly(index)`` is on."""
    moved = np.array(values, dtype=np.float64)
    for limit in limits:
        at = float(limit)
        for i in np.flatnonzero(np.abs(values - at) <= NEAR * at):
            found = exactly(int(i))
            if found is not None:
                side = (found > limit) - (found < limit)
                moved[i] = np.nextafter(at, np.inf * side) if side else at
    return moved
