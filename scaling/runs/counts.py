"""Params, tokens and other columns with units, read as their owner means them: the one way in.

Tables of a verb (own names and ``--map``), ``scaling add``, options such as ``--params 8B``,
targets of params.yaml and the functions of ``import scaling`` all come through here. A cell may be
a number of any dtype or a text such as 1.3B, also as a category. Without a unit, stated in the cell
or as NAME:UNIT, a column is taken to be in full, and refused where it cannot be: its own name says
otherwise, or its values are below any language model's (`scaling.runs.unit_checks.LEAST`). ``:1``
states that they are in full.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from scaling.errors import InputError
from scaling.runs.unit_cells import SayFor, Sources, has_units, map_flag, numbers, split
from scaling.runs.unit_checks import (
    refuse,
    refuse_large,
    refuse_perplexities,
    refuse_two_units,
)
from scaling.runs.units import COMPUTE, COUNTS, LOSSES, PERPLEXITY, SHARES


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
    own: Sources = {name: (name, None) for name in read if has_units(name)}
    wanted = {**own, **sources}
    made = frame.with_columns(
        converted(frame[theirs], ours, unit) for ours, (theirs, unit) in wanted.items()
    )
    for ours, (theirs, unit) in wanted.items():
        if unit is None:
            refuse(frame[theirs], ours, say(ours, theirs), made)
        refuse_large(made[ours], ours, theirs)
    return made


def in_units(runs: pl.DataFrame, units: Mapping[str, str]) -> pl.DataFrame:
    """The table with its columns of counts in full, of which ``units`` states those it names.

    Raises:
        InputError: as `table`.
    """
    stated: Sources = {name: (name, unit) for name, unit in units.items() if name in runs.columns}
    return table(runs, stated, lambda ours, theirs: lambda unit: f'units={{"{ours}": "{unit}"}}')


def converted(cells: pl.Series, ours: str, unit: str | None) -> pl.Series:
    """One column under our name, in our unit. Perplexities become nats per token: loss = ln ppl.

    Raises:
        InputError: a cell that states a unit beside the column's.
    """
    if unit in (*LOSSES, *SHARES) and "loss" in ours:
        return losses(cells, unit).alias(ours)
    if not has_units(ours) and unit not in COUNTS:
        return cells.alias(ours)
    made = numbers(cells, ours)
    if unit is None or not made.dtype.is_numeric():
        return made.alias(ours)
    refuse_two_units(cells, ours, unit)
    return (made.cast(pl.Float64) * {**COUNTS, **COMPUTE}[unit]).alias(ours)


def unit_kept(unit: str) -> str:
    """The unit in which a result is kept: nats per token where it was a perplexity."""
    return "nats/token" if unit == PERPLEXITY else unit


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
