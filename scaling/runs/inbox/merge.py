"""The files of one source put together: the same run is one run, however often it was exported.

A result's place is its run, metric and point of training. A file that came later takes the places
that it fills: the same value there is the same row (and keeps the day on which it first came), a
different one is a correction; nothing at all (an empty cell, NaN) does not take the place of a
number, nor does a tracker's value that was written earlier. Places that only earlier files fill
stay. Within one file every row stays, except those of a tracker's that do not count
(`scaling.runs.formats._settled`); nor do they count in earlier files, since a restart or a deletion
came after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from scaling.errors import counted
from scaling.runs.formats._raw import GAP
from scaling.runs.formats._settled import NO_NUMBER, RESTART, settled
from scaling.runs.inbox.our_columns import META
from scaling.runs.row_identity import in_words, place
from scaling.runs.schema import RUN

SHORT = "short_history"
_CELLS = [column.name for column in RUN if column.name not in ("recorded", "payload")]
_SAME = [*_CELLS, "unparsed"]


@dataclass(frozen=True)
class Part:
    """The rows of one file, the day it came, and whether they are a tracker's."""

    rows: pl.DataFrame
    recorded: date | None
    raw: bool
    final_only: bool = False


@dataclass(frozen=True)
class Account:
    """What a tracker says of a run, beside the rows received."""

    run: str
    rows: int
    last: float | None
    expected: float | None
    short: bool  # the tracker knows of later steps than the file has, by more than it logs apart
    status: str | None
    says_ended: bool | None
    truncated: bool

    @property
    def unended(self) -> bool:
        """Whether there is evidence that this is not the run's end."""
        return self.short or self.truncated or self.says_ended is False

    @property
    def ended(self) -> bool:
        """Whether there is evidence that the run ended by itself."""
        return self.says_ended is True and not self.unended

    def __str__(self) -> str:
        facts = [f"run {self.run!r}: {counted(self.rows, 'row')}, last step {_whole(self.last)}"]
        if self.expected is not None:
            facts.append(f"the tracker's last step is {_whole(self.expected)}")
        if self.truncated:
            facts.append("the file ends before the run does")
        if self.status:
            facts.append(f"status {self.status!r}")
        return "; ".join(facts)


def _whole(step: float | None) -> str:
    return "none" if step is None else f"{step:.10g}"


def merged(parts: Sequence[Part], *, keep_times: bool = False) -> pl.DataFrame:
    """The rows of a source, with ``recorded`` filled, from its files in the order they came.

    With ``keep_times``, a tracker's rows have ``_wall``, when they were written.
    """
    known: pl.DataFrame | None = None
    for part in parts:
        rows = part.rows.with_columns(recorded=pl.lit(part.recorded, dtype=pl.Date))
        counts = counting(rows) if part.raw else rows
        known = counts if known is None else _over(known, counts, _taken_back(rows, part.raw))
    if known is None:
        raise ValueError("no files to merge")
    if any(part.raw for part in parts):
        known = _restarted_between(known) if len(parts) > 1 else known
        known = _ended(known, final_only=parts[-1].final_only)
    return known.drop([one for one in META if not (keep_times and one == "_wall")], strict=False)


def _taken_back(rows: pl.DataFrame, raw: bool) -> pl.DataFrame:
    """The rows of a file for whose places there is nothing any more."""
    if not raw:
        return rows.clear()
    why = pl.col("_left_out")
    return rows.filter(why.is_not_null() & ~why.is_in((GAP, NO_NUMBER)))


def _over(old: pl.DataFrame, new: pl.DataFrame, taken_back: pl.DataFrame) -> pl.DataFrame:
    """Old rows whose place the new ones leave free, then the new ones."""
    places = [pl.struct(place()).alias("_place")]
    old, new = old.with_columns(places), new.with_columns(places)
    new = new.filter(_yields(old, new).is_null())
    # What is the same as before is not new: it keeps the day on which it first came.
    first = old.group_by(_SAME, maintain_order=True).agg(_first=pl.col("recorded").min())
    joined = new.join(first, on=_SAME, how="left", nulls_equal=True, maintain_order="left")
    new = joined.with_columns(recorded=pl.coalesce("_first", "recorded")).drop("_first")
    kept = old.join(new.select("_place").unique(), on="_place", how="anti", maintain_order="left")
    kept = _not_taken_back(kept, taken_back.with_columns(places))
    return pl.concat([kept, new], how="diagonal").drop("_place")


def _not_taken_back(old: pl.DataFrame, taken_back: pl.DataFrame) -> pl.DataFrame:
    """The rows but for those in the places of such, unless they were written after them."""
    if taken_back.is_empty():
        return old
    until = taken_back.group_by("_place").agg(_until=pl.col("_wall").max(), _back=pl.lit(True))
    joined = old.join(until, on="_place", how="left", maintain_order="left")
    later = (pl.col("_wall") > pl.col("_until")).fill_null(value=False)
    return joined.filter(pl.col("_back").is_null() | later).drop("_until", "_back")


def _restarted_between(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without what a restart left behind that only several files together show.

    Of the runs that lie in several files, by the times at which their rows were written; a run
    that has a row without a time stays as it is.
    """
    timed = pl.col("_wall").is_not_null().all().over("run")
    several = pl.col("payload").n_unique().over("run") > 1
    part = rows.with_row_index("record").filter(timed & several).sort("_wall", maintain_order=True)
    nothing = pl.lit(None, pl.String).alias("left_out")
    found = settled(part.select("run", "metric", "step", "value", "record", nothing))
    behind = found.filter(pl.col("left_out") == RESTART)["record"]
    kept = rows.with_row_index("record").filter(~pl.col("record").is_in(behind.implode()))
    return kept.drop("record")


def _yields(old: pl.DataFrame, new: pl.DataFrame) -> pl.Series:
    """Why new rows do not take the places of old ones; null where they do."""
    wall = pl.lit(None, pl.Float64)
    before = old.group_by("_place").agg(
        _number=pl.col("value").is_finite().any(),
        _since=(pl.col("_wall") if "_wall" in old.columns else wall).max(),
    )
    joined = new.join(before, on="_place", how="left", maintain_order="left")
    value = pl.col("value")
    nothing = value.is_nan() | (value.is_null() & pl.col("unparsed").is_null())
    older = pl.col("_since") > (pl.col("_wall") if "_wall" in new.columns else wall)
    why = (
        pl.when(nothing & pl.col("_number"))
        .then(pl.lit("without a value where there is a number already"))
        .when(older)
        .then(pl.lit("written before the values that are there already"))
    )
    return joined.select(why=why)["why"]


def yielding(old: pl.DataFrame, new: pl.DataFrame) -> dict[str, int]:
    """How many new rows `merged` leaves out for old ones in their places, by the reason."""
    old, new = (rows.with_columns(_place=pl.struct(place())) for rows in (old, new))
    return dict(_yields(old, new).drop_nulls().value_counts(sort=True).iter_rows())


def counting(rows: pl.DataFrame) -> pl.DataFrame:
    """A tracker's rows that count."""
    return rows.filter(pl.col("_left_out").is_null())


def accounts(rows: pl.DataFrame) -> list[Account]:
    """One account a run of a tracker's rows, in order of appearance."""
    by_metric = rows.group_by("run", "metric", maintain_order=True).agg(
        rows=pl.len(),
        last=pl.col("_reached").max(),
        expected=pl.col("_expected").last(),
        gap=pl.col("_gap").max(),
        status=pl.col("_status").last(),
        says_ended=pl.col("_ended").last(),
        truncated=pl.col("_truncated").last(),
    )
    short = (pl.col("expected") - pl.col("last") > pl.col("gap")).fill_null(value=False)
    steps = by_metric.group_by("run", maintain_order=True).agg(
        pl.col("rows").sum(),
        pl.col("last", "expected").max(),
        short.any().alias("short"),
        pl.col("status", "says_ended").last(),
        pl.col("truncated").last().fill_null(value=False),
    )
    return [Account(**row) for row in steps.iter_rows(named=True)]


def position() -> pl.Expr:
    """How far in training a result stands; a chart over tokens has no steps."""
    return pl.coalesce("step", "tokens", "examples", "axis", "epochs")


def _ended(rows: pl.DataFrame, *, final_only: bool) -> pl.DataFrame:
    """Which checkpoint is the final one, which runs are short; only the last rows if so wanted.

    With ``final_only`` the mapping says that a run's last row is its end, unless the tracker knows
    better; otherwise the tracker has to say so.
    """
    runs = accounts(rows)
    ended = [one.run for one in runs if (not one.unended if final_only else one.ended)]
    cut = [one.run for one in runs if one.short or one.truncated]
    at_end = (position() == position().max().over("run", "metric")).fill_null(value=True)
    final = at_end & pl.col("run").is_in(ended)
    word = pl.when(final).then(pl.lit("final")).otherwise(pl.lit("intermediate"))
    flags = pl.when(pl.col("run").is_in(cut)).then(
        pl.concat_str("flags", pl.lit(SHORT), separator=";", ignore_nulls=True)
    )
    rows = rows.with_columns(
        checkpoint=pl.coalesce("checkpoint", word), flags=pl.coalesce(flags, "flags")
    )
    return rows.filter(at_end) if final_only else rows


def compared(old: pl.DataFrame, new: pl.DataFrame) -> str | None:
    """What changed from the one table of a source to the next, in words; None for nothing."""
    before, now = (rows.with_columns(_place=pl.struct(place())) for rows in (old, new))
    added = now.join(before, on=_SAME, how="anti", nulls_equal=True)
    removed = before.join(now, on=_SAME, how="anti", nulls_equal=True)
    if added.is_empty() and removed.is_empty():
        return None
    changed = added.join(removed.select("_place").unique(), on="_place", how="semi").height
    gone = removed.join(now.select("_place").unique(), on="_place", how="anti")
    text = f"{counted(added.height - changed, 'new result')}, {changed} corrected"
    if changed:
        both = removed.join(added, on="_place", suffix=" now", maintain_order="right")
        text += f" (the first: {_correction(both.row(0, named=True))})"
    if gone.height:
        one = gone.row(0, named=True)
        text += f", {counted(gone.height, 'result')} of before no longer there"
        at = in_words(one["_place"]["_point"])
        text += f" (the first: run {one['run']!r}, {one['metric']}{at and f', {at}'})"
    return text


def _correction(row: Mapping[str, Any]) -> str:
    """The old and the new value of each column of one corrected result."""
    pairs = {name: (row[name], row[f"{name} now"]) for name in _SAME}
    other = [
        f"{'cells not readable:' if name == 'unparsed' else name} {_shown(was)} -> {_shown(now)}"
        for name, (was, now) in pairs.items()
        if was != now
    ]
    step = row["step"]
    at = "" if step is None else f", step {step:.10g}"
    return f"run {row['run']!r}, {row['metric']}{at}: {', '.join(other)}"


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    return f"{value:.12g}" if isinstance(value, float) else str(value)
