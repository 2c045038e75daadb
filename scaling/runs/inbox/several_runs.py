"""Several runs in what a tracker's file gives as one: a column tells their repeated steps apart."""

from __future__ import annotations

import polars as pl

from scaling.errors import InputError, shorten
from scaling.runs.formats._settled import AGAIN, RESTART, settled
from scaling.runs.inbox.mapping import Mapping
from scaling.runs.inbox.tracker_frame import as_written, identified

# One run has one of each.
_SIZES = ("params", "params_non_embedding", "width", "depth")


def refuse_several(cells: pl.DataFrame, mapping: Mapping) -> None:
    """Refuse a run whose repeated steps a column tells apart: rather two runs than a restart.

    A column that is ignored by its own name, not by a pattern, does not count.

    Raises:
        InputError: names the run, the column and its values, and what to do.
    """
    found = settled(identified(cells, mapping))
    runs = found.filter(_repeats()).get_column("run").unique(maintain_order=True)
    for run in runs.to_list():
        rows = found.filter((pl.col("run") == run) & (pl.col("left_out").is_null() | _repeats()))
        for name in _candidates(rows, mapping):
            values = _telling_apart(rows, name)
            if values:
                raise InputError(
                    f"run {run!r} has steps that are repeated, and {name!r} tells them apart",
                    value=values,
                    hint=f"If they are several runs: --map 'run={name}'. If one run was "
                    f"restarted: --ignore '{name}'.",
                )


def _repeats() -> pl.Expr:
    return pl.col("left_out").is_in((RESTART, AGAIN))


def _candidates(rows: pl.DataFrame, mapping: Mapping) -> list[str]:
    """Texts, sizes and whole numbers that were logged, unless the mapping says what they are."""
    mapped = {part: ours for ours, one in mapping.columns.items() for part in one.parts}
    named = {name for name, ours in mapped.items() if ours not in _SIZES}
    known = named | set(mapping.metrics) | set(mapping.ignore)
    whole = ((pl.col("value") == pl.col("value").round()) | pl.col("value").is_null()).all()
    kinds = rows.group_by("metric", maintain_order=True).agg(whole=whole)
    found = [name for name, one in kinds.iter_rows() if one and name is not None]
    return [name for name in found if name not in known]


def _telling_apart(rows: pl.DataFrame, name: str) -> list[str]:
    """The values of a logged column if no step is repeated within one of them; else none.

    Numbers only where they change with the run: once after the other, or each at the same steps.
    """
    logged = rows.filter(pl.col("metric") == name)
    logged = logged.select("record", as_written(), _number=pl.col("value").is_not_null())
    by_call = logged.unique("record", keep="last", maintain_order=True).drop("_number")
    values = by_call["_written"].unique().sort().to_list()
    calls = rows["record"].n_unique()
    if by_call.height < calls or not 2 <= len(values) <= calls / 2:
        return []
    if logged["_number"].any() and not _changes_with_the_run(rows.join(by_call, on="record")):
        return []
    joined = rows.join(by_call, on="record", maintain_order="left")
    split = joined.with_columns(run="_written", left_out=pl.lit(None, dtype=pl.String))
    again = settled(split.drop("_written")).filter(_repeats() & (pl.col("metric") != name))
    return [shorten(value, 40) for value in values] if again.is_empty() else []


def _changes_with_the_run(rows: pl.DataFrame) -> bool:
    calls = rows.unique("record", maintain_order=True).sort("record")
    blocks = calls["_written"].rle_id().n_unique()
    steps = rows.group_by("_written").agg(pl.col("step").unique().sort())["step"]
    return blocks == calls["_written"].n_unique() or steps.n_unique() == 1
