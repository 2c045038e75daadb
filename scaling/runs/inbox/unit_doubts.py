"""Columns of run rows that do not look as if they were in the unit that is stated, or in ours."""

from __future__ import annotations

from typing import Any

import polars as pl

from scaling.errors import InputError, placed
from scaling.runs import unit_cells, unit_checks
from scaling.runs.inbox.mapping import From, Mapping, is_number
from scaling.runs.units import ENTROPY


def doubtful(given: pl.DataFrame, made: pl.DataFrame, mapping: Mapping) -> list[str]:
    """Columns that do not look as if they were in the unit that is stated, or in ours.

    ``given`` has the cells under our names, ``made`` the run rows that they make.
    """
    if "_left_out" in made.columns:
        counting = made["_left_out"].is_null()
        given, made = given.filter(counting), made.filter(counting)
    found = []
    for ours in given.columns:
        source = mapping.columns.get(ours, From((ours,)))
        # A factor written as a number, as in step*2048, states the scale.
        written = source.unit is not None or any(map(is_number, source.parts))
        if written or ours in mapping.constants:
            continue
        theirs = "*".join(source.parts)
        try:
            with placed(rows=made["row"].to_list()):
                say = unit_cells.map_flag(ours, theirs)
                unit_checks.refuse(given[ours].alias(theirs), ours, say, made)
        except InputError as error:
            found.append(f"{ours}: {error}")
    by_metric = made.group_by("metric", "unit", "metric_kind", maintain_order=True)
    for (name, unit, kind), own in by_metric:
        try:
            _refuse_metric(own, unit, kind)
        except InputError as error:
            found.append(f"{name}: {error}")
    return found


def _refuse_metric(rows: pl.DataFrame, unit: Any, kind: Any) -> None:
    """Refuse perplexities that are said to be in nats or bits."""
    if kind == "perplexity" and unit in ENTROPY:
        raise InputError("a perplexity is in no such unit", value=unit, allowed="perplexity")
    if kind == "loss" and unit is not None:
        with placed(rows=rows["row"].to_list()):
            unit_checks.refuse_perplexities(rows["value"], unit)
