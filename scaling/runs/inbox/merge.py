"""The files of one source put together: the same run is one run, however often it was exported.

A result's place is its run, metric and point of training. A file that came later takes the places
that it fills: the same value there is the same row (and keeps the day on which it first came), a
different one is a correction; nothing at all (an empty cell, NaN) does not take the place of a
number. Places that only earlier files fill stay. Within one file every row stays, except those of a
tracker's that do not count (`scaling.runs.formats._settled`); earlier files' rows in their places
do not count either, since a restart or a deletion came after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from scaling.errors import counted
from scaling.runs.formats._raw import GAP
from scaling.runs.formats._settled import NO_NUMBER
from scaling.runs.inbox.normalise import META
from scaling.runs.row_identity import place
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


def merged(parts: Sequence[Part]) -> pl.DataFrame:
    """The rows of a source, with ``recorded`` filled, from its files in the order they came."""
    known: pl.DataFrame | None = None
    for part in parts:
        rows = part.rows.with_columns(recorded=pl.lit(part.recorded, dtype=pl.Date))
        counts = counting(rows) if part.raw else rows
        known = counts if known is None else _over(known, counts, _taken_back(rows, part.raw))
    if known is None:
        raise ValueError("no files to merge")
    if any(part.raw for part in parts):
        known = _ended(known, final_only=parts[-1].final_only)
    return known.drop(META, strict=False)


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
    new = new.filter(~_is_nothing_new(old))
    # What is the same as before is not new: it keeps the day on which it first came.
    first = old.group_by(_SAME, maintain_order=True).agg(_first=pl.col("recorded").min())
    joined = new.join(first, on=_SAME, how="left", nulls_equal=True, maintain_order="left")
    new = joined.with_columns(recorded=pl.coalesce("_first", "recorded")).drop("_first")
    filled = pl.concat([new.select("_place"), taken_back.select(*places)]).unique()
    kept = old.join(filled, on="_place", how="anti", maintain_order="left")
    return pl.concat([kept, new], how="diagonal").drop("_place")


def _is_nothing_new(old: pl.DataFrame) -> pl.Expr:
    """Whether a row has no value where an old one has a number."""
    numbers = old.filter(pl.col("value").is_finite())["_place"]
    nothing = pl.col("value").is_nan() | (pl.col("value").is_null() & pl.col("unparsed").is_null())
    return nothing.fill_null(value=False) & pl.col("_place").is_in(numbers.implode())


def without_value(old: pl.DataFrame, new: pl.DataFrame) -> int:
    """How many new rows `merged` leaves out because they have no value where there is a number."""
    old, new = (rows.with_columns(_place=pl.struct(place())) for rows in (old, new))
    return new.filter(_is_nothing_new(old)).height


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
        one = added.join(removed.select("_place", was="value"), on="_place").row(0, named=True)
        was, now_is = ("not readable" if one[n] is None else one[n] for n in ("was", "value"))
        text += f" (the first: run {one['run']!r}, {one['metric']}: {was} is now {now_is})"
    if gone.height:
        one = gone.row(0, named=True)
        text += f", {counted(gone.height, 'result')} of before no longer there"
        text += f" (the first: run {one['run']!r}, {one['metric']}, {one['_place']['_point']})"
    return text
