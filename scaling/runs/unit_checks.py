"""Columns that cannot be in the unit that is stated, or in ours where none is: refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from scaling.errors import InputError
from scaling.runs.schema import RUN, by_name
from scaling.runs.unit_cells import Say, has_units, numbers, states_units, suffixed, text_of
from scaling.runs.unit_words import PERPLEXITY_NAMED, named, unit_of_word
from scaling.runs.units import COMPUTE, COUNTS, LARGEST_LOSS, PERPLEXITY, units_of

# The smallest sizes of a language model that are believed without a unit. No run of data/published
# is below any of them; Kaplan et al. 2020 (arXiv:2001.08361, section 3) go down to 768 params
# without embeddings.
LEAST = {
    "params": 1e4,
    "params_active": 1e4,
    "params_non_embedding": 500.0,
    "params_nonzero": 500.0,
    "tokens": 1e6,
    "tokens_unique": 1e6,
    "tokens_dense": 1e6,
    "tokens_upcycled": 1e6,
    "tokens_generator": 1e6,
}
# About one sequence: checkpoints of a run that ends above LEAST may begin there.
_FIRST_TOKENS = 1e3
# The middle of a mapped column of compute: less than one step of the smallest of those models.
_LEAST_FLOPS = 1e8
_BY_NAME = by_name(RUN)


def refuse(cells: pl.Series, ours: str, say: Say, beside: pl.DataFrame) -> None:
    """Refuse a column without a stated unit that cannot be in ours.

    Args:
        cells: the column as it was given, under its own name.
        ours: our name for it.
        say: how a unit is stated for it.
        beside: the table, whose runs tell checkpoints.

    Raises:
        InputError: the name speaks of a unit, or a value is too small for a language model; says
            which unit was probably meant.
    """
    text = text_of(cells)
    none = pl.Series([False]).new_from_index(0, len(cells))
    written = none if text is None else suffixed(text, ours)
    if cells.name != ours and not states_units(cells, ours):
        _refuse_name(cells.name, ours, say)
    if not has_units(ours):
        return
    made = numbers(cells, ours)
    if not made.dtype.is_numeric() and made.dtype != pl.String:
        return
    values = made.cast(pl.Float64, strict=False)
    if units_of(ours) is COMPUTE:
        _refuse_compute(values, ours, say)
        return
    small = values.is_between(0.0, LEAST.get(ours, 0.0), closed="none") & ~written
    if small.any() and (small := small & ~_checkpoints(values, ours, beside)).any():
        _raise_small(values, small.fill_null(value=False), ours, say)


def _refuse_name(theirs: str, ours: str, say: Say) -> None:
    """Refuse a column of another name that speaks of a unit."""
    units: Mapping[str, float] = {PERPLEXITY: 1.0, "nats/token": 1.0}
    meant: str | None = PERPLEXITY
    word = PERPLEXITY_NAMED.search(theirs) if "loss" in ours else None
    said = word and word[1]
    if has_units(ours) and (said := named(theirs)):
        units, meant = units_of(ours), unit_of_word(said, units_of(ours))
    if not said:
        return
    full = next(one for one in ("1", "FLOP", "nats/token") if one in units)
    raise InputError(
        f"the name speaks of {said!r}, and no unit is stated",
        column=theirs,
        allowed=", ".join(units),
        hint=f"State it: {say(meant)}, or {say(full)}."
        if meant
        else f"Turn the numbers into one of these; if they are in full, {say(full)}.",
    )


def _checkpoints(values: pl.Series, ours: str, beside: pl.DataFrame) -> pl.Series:
    """Where tokens may be few: several rows of one run (or size), in a table that goes further."""
    most = values.filter(values.is_finite()).max()
    if not (ours.startswith("tokens") and isinstance(most, float) and most >= LEAST.get(ours, 0.0)):
        return pl.Series([False]).new_from_index(0, len(values))
    key = next((name for name in ("run", "params") if name in beside.columns), None)
    if key is None:
        return values >= _FIRST_TOKENS
    return (values >= _FIRST_TOKENS) & beside.select(pl.len().over(key) > 1).to_series()


def _raise_small(values: pl.Series, small: pl.Series, ours: str, say: Say) -> None:
    low = float(values.filter(small).min())  # type: ignore[arg-type]  # a column of floats
    # Sizes are written in B from 0.1 to some hundreds, in M from 10 to some ten thousands.
    meant = "M" if low >= (10.0 if ours.startswith("params") else 1e4) else "B"
    at = int(small.arg_true()[0])
    raise InputError(
        "too small for a language model, and no unit is stated",
        row=at + 1,
        column=values.name,
        value=values[at],
        allowed=f">= {LEAST[ours]:g} {ours}, or any with its unit ({', '.join(COUNTS)})",
        hint=f"Probably {say(meant)}; where it is no language model, {say('1')}.",
    )


def _refuse_compute(values: pl.Series, ours: str, say: Say) -> None:
    """Refuse a mapped column of compute whose middle is less than a step of training."""
    middle = values.median()
    if values.name != ours and isinstance(middle, float) and 0.0 < middle < _LEAST_FLOPS:
        raise InputError(
            f"the middle value is {middle:g}, which is few FLOP, and no unit is stated",
            column=values.name,
            allowed=", ".join(COMPUTE),
            hint=f"State it: {say('UNIT')}.",
        )


def refuse_large(values: pl.Series, ours: str, theirs: str) -> None:
    """Refuse counts that no run can have: a unit stated for numbers in full, most likely."""
    high = _BY_NAME[ours].high if ours in _BY_NAME else None
    if high is None or not values.dtype.is_numeric():
        return
    numeric = values.cast(pl.Float64)
    beyond = (numeric.is_finite() & (numeric > high)).arg_true()
    if len(beyond):
        row, value, hint = beyond[0] + 1, values[beyond[0]], "Is the unit right?"
        raise InputError(
            "more than any run has",
            row=row,
            column=theirs,
            value=value,
            allowed=f"<= {high:g} {_BY_NAME[ours].unit}",
            hint=hint,
        )


def refuse_two_units(cells: pl.Series, ours: str, unit: str) -> None:
    """Refuse a cell such as 7B in a column whose unit is stated too."""
    text = text_of(cells)
    if text is None or unit == "1":
        return
    written = suffixed(text, ours).arg_true()
    if len(written):
        raise InputError(
            "a unit in the cell and in the mapping",
            row=written[0] + 1,
            column=cells.name,
            value=text[written[0]],
            hint=f"Leave the unit {unit} of {ours} out: the cells state it.",
        )


def refuse_perplexities(values: pl.Series, unit: str) -> None:
    """Refuse values in nats or bits per token of which half are worse than an even guess.

    A run that diverged may lie above it, but not half of a table.
    """
    most = {"nats/token": LARGEST_LOSS, "bits/token": LARGEST_LOSS / np.log(2.0)}.get(unit)
    # What diverged to infinity, or NaN, which polars orders above every number, is no such value.
    finite = values.cast(pl.Float64).is_finite().fill_null(value=False)
    above = finite & (values > (most or np.inf)).fill_null(value=False)
    if above.any() and 2 * above.sum() >= finite.sum():
        raise InputError(
            f"too high for a loss in {unit}, as is half of the column: an even guess among a "
            f"million tokens has {most:.3g}",
            row=int(above.arg_true()[0]) + 1,
            column=values.name,
            value=values.filter(above)[0],
            allowed=f"<= {most:.3g}",
            hint=f"If it is perplexity, state the unit {PERPLEXITY}: it is turned into nats.",
        )
