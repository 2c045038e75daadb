"""Conditions of a rule on a table of runs: met, not met, or unknown with what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import polars as pl

from scaling.errors import InputError, nearest

# Column, comparison and value of one term.
TERM = re.compile(r"^\s*(\w+)\s*(>=|<=|=|>|<|has)\s*(.+?)\s*$")
_NUMERIC: dict[str, Callable[[pl.Expr, float], pl.Expr]] = {
    ">": lambda cell, value: cell > value,
    ">=": lambda cell, value: cell >= value,
    "<": lambda cell, value: cell < value,
    "<=": lambda cell, value: cell <= value,
}
MET, NOT_MET, UNKNOWN = "met", "not met", "unknown"


def terms(text: str | None, known: list[str]) -> list[tuple[str, pl.Expr]]:
    """Each term as its column and a truth that is null where the cell is empty.

    Raises:
        InputError: the text is not a condition, or names a column that runs do not have.
    """
    return [_term(part, known) for part in (text or "").split(";") if part.strip()]


def words(texts: Iterable[str | None], name: str) -> set[str]:
    """The words that conditions look for in a list of the column."""
    parts = [TERM.match(part) for text in texts for part in (text or "").split(";")]
    found = [part.group(3) for part in parts if part and part.group(1, 2) == (name, "has")]
    return {word.strip() for value in found for word in value.split("|")}


def _term(part: str, known: list[str]) -> tuple[str, pl.Expr]:
    found = TERM.match(part)
    if found is None:
        raise InputError("is not a condition", value=part, allowed="COLUMN = | has | > | >= VALUE")
    name, op, value = found.groups()
    if name not in known:
        raise InputError(
            "condition on an unknown column",
            value=name,
            allowed="a column of runs",
            hint=nearest(name, known),
        )
    return name, _truth(pl.col(name), op, value)


def _truth(cell: pl.Expr, op: str, value: str) -> pl.Expr:
    if op == "=":
        return cell == value
    if op == "has":
        wanted = "|".join(re.escape(word.strip()) for word in value.split("|"))
        return cell.str.contains(rf"(?:^|;)\s*(?:{wanted})\s*(?:;|$)")
    try:
        return _NUMERIC[op](cell, float(value))
    except ValueError:
        raise InputError("is not a number", value=value, allowed="a number") from None


def judge(found: list[tuple[str, pl.Expr]]) -> tuple[pl.Expr, pl.Expr]:
    """``applies`` (met, not met, unknown) and ``missing`` (columns that are empty, or null).

    One term that fails settles it, whatever is missing (Kleene's logic).
    """
    if not found:
        return pl.lit(MET), pl.lit(None, pl.String)
    truth = pl.all_horizontal(expr for _, expr in found)
    applies = pl.when(truth).then(pl.lit(MET)).when(~truth).then(pl.lit(NOT_MET))
    gaps = [pl.when(expr.is_null()).then(pl.lit(name)) for name, expr in found]
    missing = pl.when(truth.is_null()).then(pl.concat_str(gaps, separator=", ", ignore_nulls=True))
    return applies.otherwise(pl.lit(UNKNOWN)), missing
