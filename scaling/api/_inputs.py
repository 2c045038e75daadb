"""The argument ``inputs`` of the functions of ``import scaling``: columns, and their units."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from scaling.runs.counts import table
from scaling.runs.unit_cells import SayFor, Sources, has_units, split, states_units
from scaling.runs.units import COUNTS


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
            if name in columns and (unit or has_units(ours))
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
