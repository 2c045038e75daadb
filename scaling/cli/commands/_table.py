"""The user's table as a verb takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from scaling.cli.commands._options import remark
from scaling.errors import InputError, placed
from scaling.given import Given, complete, counting
from scaling.runs import counts
from scaling.runs.units import COUNTS, LOSSES, SHARES, units_of

__all__ = ["Given", "complete", "read"]


def read(path: Path, maps: Sequence[str] | None = None, *, optional: bool = False) -> Given:
    """The table, with mapped columns copied under our names; targets (``optional``) may have ours
    already.

    Raises:
        InputError: as `scaling.runs.formats.read_table`; a mapping that cannot be read, or of a
            column that the table lacks.
    """
    from scaling.runs.formats import read_table

    frame = read_table(path)
    whole = counting(Given(path, frame, range(1, frame.height + 1), say=remark))
    frame = whole.frame
    sources: counts.Sources = {}
    for entry in maps or ():
        name, _, text = entry.partition("=")
        if not name or not text:
            raise InputError("--map cannot be read", value=entry, allowed="NAME=COLUMN[:UNIT]")
        with placed(path):
            column, unit = counts.split(text, name, frame.columns)
        if optional and column not in frame.columns:
            continue
        whole.require(column)
        # Planned cells such as 70B need no unit that the runs need.
        needless = optional and counts.states_units(frame[column])
        sources[name] = column, None if needless else unit
    with whole.placed():
        made = counts.table(frame, sources)
    units = {unit for _, unit in sources.values() if unit in (*LOSSES, *SHARES)}
    if len(units) == 1:
        made = made.with_columns(unit=pl.lit(counts.unit_kept(units.pop())))
    names = {name: one for name, (one, _) in sources.items()}
    full = {name: "1" for name in made.columns if units_of(name) is COUNTS}
    return replace(whole, frame=made, names=names, units=full)
