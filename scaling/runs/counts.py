"""Params, tokens and other columns with units, read as their owner means them: the one way in.

Tables of a verb (own names and ``--map``), ``scaling add``, options such as ``--params 8B``,
targets of params.yaml and the functions of ``import scaling`` all come through here. A cell may be
a number of any dtype or a text such as 1.3B, also as a category. Without a unit, stated in the cell
or as NAME:UNIT, a column is taken to be in full, and refused where it cannot be: its own name says
otherwise, or its values are below any language model's (`LEAST`). ``:1`` states that they are in
full.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.errors import InputError
from scaling.runs.schema import RUN, by_name
from scaling.runs.units import (
    COMPUTE,
    COUNTS,
    LARGEST_LOSS,
    LOSSES,
    MOMENTS,
    PERPLEXITY,
    SHARES,
    has_suffix,
    in_full,
    units_of,
)

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
_PERPLEXITY_NAMED = re.compile(r"(?:^|[^a-z])(ppl|perplexity|perplexities)(?:$|[^a-z])", re.I)

# Our name -> the column that it comes from, and the unit that was stated.
Sources = dict[str, tuple[str, str | None]]
# A unit -> how it is stated; our name and theirs -> that.
Say = Callable[[str], str]
SayFor = Callable[[str, str], Say]


def map_flag(ours: str, theirs: str) -> Say:
    """How a unit is stated on the command line."""
    return lambda unit: f"--map {shlex.quote(f'{ours}={theirs}:{unit}')}"


def stated_units(ours: str) -> tuple[str, ...]:
    """Units that ``NAME:UNIT`` may state for a column: of counts, of compute, or of results."""
    units = units_of(ours)
    if units and units is not MOMENTS:
        return tuple(units)
    if ours in _BY_NAME and ours != "value":
        return ()
    return LOSSES if "loss" in ours else (*LOSSES, *SHARES)


def split(text: str, ours: str, columns: Collection[str] = ()) -> tuple[str, str | None]:
    """Column and unit of ``NAME[:UNIT]``; a column of the whole name goes before.

    Raises:
        InputError: a column's name with a unit that there is not.
    """
    name, colon, unit = text.rpartition(":")
    allowed = stated_units(ours)
    if not colon or text in columns:
        return text, None
    if unit in allowed:
        return name, unit
    if name in columns:
        listed = ", ".join(allowed) or "none"
        raise InputError(f"unknown unit of {ours}", column=name, value=unit, allowed=listed)
    return text, None


def numbers(cells: pl.Series, ours: str = "params") -> pl.Series:
    """Cells of any dtype as numbers; as text, to be refused where it is read, if some are none.

    Counts and compute, which is what ``ours`` says, may have their unit behind them: 7B, 2 PF-days.
    Other than numbers, texts and categories stay as they are.
    """
    if cells.dtype.is_numeric():
        return cells.cast(pl.Float64) if cells.dtype.is_decimal() else cells
    text = _text(cells)
    if text is None:
        return cells
    made = text.cast(pl.Float64, strict=False)
    if _has_units(ours) and made.null_count() > text.null_count():
        text = text.to_frame().select(in_full(pl.col(text.name), ours)).to_series()
        made = text.cast(pl.Float64, strict=False)
    return made if made.null_count() == text.null_count() else text


def _text(cells: pl.Series) -> pl.Series | None:
    """Stripped text, blank cells null; None where the cells are none."""
    if cells.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return None
    text = cells.cast(pl.String).str.strip_chars()
    return text.to_frame().select(pl.col(text.name).replace("", None)).to_series()


def table(
    frame: pl.DataFrame,
    sources: Sources,
    say: SayFor = map_flag,
    only: Collection[str] | None = None,
) -> pl.DataFrame:
    """The table with its columns of counts and compute in full.

    Args:
        frame: as read.
        sources: our name -> column of the frame, and its unit where one is stated. Columns under
            our own names need none.
        say: how a unit is stated for a column.
        only: of the columns under our own names, those that are read; None for all.

    Raises:
        InputError: a column that cannot be in full and has no unit, or has two.
    """
    read = frame.columns if only is None else [name for name in frame.columns if name in only]
    own: Sources = {name: (name, None) for name in read if _has_units(name)}
    wanted = {**own, **sources}
    made = frame.with_columns(
        converted(frame[theirs], ours, unit) for ours, (theirs, unit) in wanted.items()
    )
    for ours, (theirs, unit) in wanted.items():
        if unit is None:
            refuse(frame[theirs], ours, say(ours, theirs), made)
        _refuse_large(made[ours], ours, theirs)
    return made


def in_units(runs: pl.DataFrame, units: Mapping[str, str]) -> pl.DataFrame:
    """The table with its columns of counts in full, of which ``units`` states those it names.

    Raises:
        InputError: as `table`.
    """
    stated: Sources = {name: (name, unit) for name, unit in units.items() if name in runs.columns}
    return table(runs, stated, lambda ours, theirs: lambda unit: f'units={{"{ours}": "{unit}"}}')


def _has_units(name: str) -> bool:
    return units_of(name) in (COUNTS, COMPUTE)


def converted(cells: pl.Series, ours: str, unit: str | None) -> pl.Series:
    """One column under our name, in our unit. Perplexities become nats per token: loss = ln ppl.

    Raises:
        InputError: a cell that states a unit beside the column's.
    """
    if unit in (*LOSSES, *SHARES) and "loss" in ours:
        return losses(cells, unit).alias(ours)
    if not _has_units(ours) and unit not in COUNTS:
        return cells.alias(ours)
    made = numbers(cells, ours)
    if unit is None or not made.dtype.is_numeric():
        return made.alias(ours)
    refuse_two_units(cells, ours, unit)
    return (made.cast(pl.Float64) * {**COUNTS, **COMPUTE}[unit]).alias(ours)


def unit_kept(unit: str) -> str:
    """The unit in which a result is kept: nats per token where it was a perplexity."""
    return "nats/token" if unit == PERPLEXITY else unit


def refuse_two_units(cells: pl.Series, ours: str, unit: str) -> None:
    """Refuse a cell such as 7B in a column whose unit is stated too."""
    text = _text(cells)
    if text is None or unit == "1":
        return
    written = _suffixed(text, ours).arg_true()
    if len(written):
        raise InputError(
            "a unit in the cell and in the mapping",
            row=written[0] + 1,
            column=cells.name,
            value=text[written[0]],
            hint=f"Leave the unit {unit} of {ours} out: the cells state it.",
        )


def states_units(cells: pl.Series, ours: str) -> bool:
    """Whether every filled cell has its unit behind its number."""
    text = _text(cells)
    return text is not None and bool((_suffixed(text, ours) | text.is_null()).all())


def _suffixed(text: pl.Series, ours: str) -> pl.Series:
    return text.to_frame().select(has_suffix(pl.col(text.name), ours)).to_series()


def losses(cells: pl.Series, unit: str) -> pl.Series:
    """Losses in a stated unit; of perplexities their logarithms, in nats per token.

    Raises:
        InputError: values said to be nats or bits per token that are perplexities.
    """
    made = numbers(cells, "loss")
    if not made.dtype.is_numeric():
        return cells
    if unit != PERPLEXITY:
        refuse_perplexities(made, unit)
        return made
    bad = (made < 1.0).fill_null(value=False).arg_true()
    if len(bad):
        row, value = bad[0] + 1, made[bad[0]]
        raise InputError(
            "is no perplexity", row=row, column=cells.name, value=value, allowed=">= 1"
        )
    return made.cast(pl.Float64).log()


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
    text = _text(cells)
    none = pl.Series([False]).new_from_index(0, len(cells))
    written = none if text is None else _suffixed(text, ours)
    if cells.name != ours and not states_units(cells, ours):
        _refuse_name(cells.name, ours, say)
    if not _has_units(ours):
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
    word = _PERPLEXITY_NAMED.search(theirs) if "loss" in ours else None
    said = word and word[1]
    if _has_units(ours) and (said := named(theirs)):
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


def _refuse_large(values: pl.Series, ours: str, theirs: str) -> None:
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


# One number -------------------------------------------------------------------------------------


def count(value: object, ours: str, *, place: str = "") -> float:
    """One number with or without a unit: 8e9, "8B", "8:B", "30:1".

    ``place`` is what stands before it, such as an option.

    Raises:
        InputError: no number, or too small for a language model without a unit.
    """
    text, unit = split(value.strip(), ours) if isinstance(value, str) else (value, None)
    cells = pl.Series(ours, [text], strict=False)
    made = converted(cells, ours, unit)
    if not made.dtype.is_numeric() or made[0] is None:
        allowed = "a number, with or without a unit: 7e9, 350M, 1.4T"
        raise InputError("is not a count", column=place or ours, value=value, allowed=allowed)
    if unit is None:
        _refuse_count(cells, ours, place)
    return float(made[0])


def _refuse_count(cell: pl.Series, ours: str, place: str) -> None:
    """`refuse` for one number, which has no row."""
    number = f"{place}{'' if place[-1:] in ('', '=') else ' '}{cell[0]}"
    try:
        refuse(cell, ours, lambda unit: f"{number}{'' if unit in 'MBT' else ':'}{unit}",
               cell.to_frame())  # fmt: skip
    except InputError as error:
        raise InputError(
            error.problem,
            column=place or ours,
            value=error.value,
            allowed=error.allowed,
            hint=error.hint,
        ) from None


# The functions of `import scaling` ---------------------------------------------------------------


def stated(
    tables: Mapping[str, pl.DataFrame], inputs: Any, *, by_name: bool
) -> tuple[dict[str, pl.DataFrame], Any, dict[str, str]]:
    """Tables, "runs" and perhaps "at", read as `table` does, by what ``inputs`` states of units.

    ``inputs`` is ``{"params": "size:M"}`` where it is ``by_name``, or ``("params:M", "tokens:B")``,
    a list of columns, which then are those that are read; None states nothing.

    Returns:
        The tables, ``inputs`` without units, and our name -> the column that it came from.

    Raises:
        InputError: as `table`.
    """
    sources, known = _sources(inputs, {name for one in tables.values() for name in one.columns})
    only = None if by_name or inputs is None else known
    made = {
        name: table(
            frame, _there(sources, frame, planned=name == "at"), _inputs_flag(by_name), only
        )
        for name, frame in tables.items()
    }
    names = {ours: theirs for ours, (theirs, _) in sources.items()}
    return made, known if inputs is not None else None, names


def _there(sources: Sources, frame: pl.DataFrame, *, planned: bool) -> Sources:
    """The sources that a table has; planned cells such as 70B need no unit that the runs need."""
    return {
        ours: (name, None if planned and states_units(frame[name], ours) else unit)
        for ours, (name, unit) in sources.items()
        if name in frame.columns
    }


def _inputs_flag(by_name: bool) -> SayFor:
    """How a unit is stated in the argument ``inputs``."""
    if by_name:
        return lambda ours, theirs: lambda unit: f'inputs={{"{ours}": "{theirs}:{unit}"}}'
    return lambda ours, theirs: lambda unit: f'inputs=("{theirs}:{unit}", ...)'


def _sources(inputs: Any, columns: Collection[str]) -> tuple[Sources, Any]:
    """The columns with units of the argument ``inputs``, and the argument without them."""
    if isinstance(inputs, Mapping):
        parts = {ours: split(text, ours, columns) for ours, text in inputs.items()}
        made = {
            ours: (name, unit)
            for ours, (name, unit) in parts.items()
            if name in columns and (unit or _has_units(ours))
        }
        return made, {ours: ours if ours in made else name for ours, (name, _) in parts.items()}
    found: Sources = {}
    names = []
    for text in inputs or ():
        name, _, unit = text.rpartition(":")
        stated = text not in columns and unit in COUNTS
        names.append(name if stated else text)
        if stated:
            found[name] = name, unit
    return found, tuple(names)
