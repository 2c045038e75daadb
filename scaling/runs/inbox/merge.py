"""The files of one source put together: the same run is one run, however often it was exported.

A result's place is its run, metric and point of training. A file that came later takes the places
that it fills: the same value there is the same row (and keeps the day on which it first came), a
different one is a correction. Places that only earlier files fill stay. Within one file every row
stays, except that a tracker's step that was logged twice (a resume from a checkpoint) counts as
logged last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from scaling.errors import counted
from scaling.runs.inbox.normalise import META
from scaling.runs.row_identity import place
from scaling.runs.schema import RUN

SHORT = "short_history"
# Words for a run that ended by itself, as the readers in `scaling.runs.formats` give them.
_ENDED = ("FINISHED", "exit code 0")
_UNENDED = ("RUNNING", "SCHEDULED", "FAILED", "KILLED")
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
    gap: float
    status: str | None
    truncated: bool

    @property
    def short(self) -> bool:
        """Whether the tracker knows of later steps than came, by more than it logs apart."""
        if self.expected is None or self.last is None:
            return False
        return self.expected - self.last > self.gap

    @property
    def unended(self) -> bool:
        """Whether there is evidence that this is not the run's end."""
        status = self.status or ""
        failed = status.startswith("exit code") and status not in _ENDED
        return self.short or self.truncated or failed or status.startswith(_UNENDED)

    @property
    def ended(self) -> bool:
        """Whether there is evidence that the run ended by itself."""
        return self.status in _ENDED and not self.unended

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
        rows = _last_logged(rows) if part.raw else rows
        known = rows if known is None else _over(known, rows)
    if known is None:
        raise ValueError("no files to merge")
    if any(part.raw for part in parts):
        known = _ended(known, final_only=parts[-1].final_only)
    return known.drop(META, strict=False)


def _over(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Old rows whose place the new ones leave free, then the new ones."""
    places = [pl.struct(place()).alias("_place")]
    old, new = old.with_columns(places), new.with_columns(places)
    # What is the same as before is not new: it keeps the day on which it first came.
    first = old.group_by(_SAME, maintain_order=True).agg(_first=pl.col("recorded").min())
    joined = new.join(first, on=_SAME, how="left", nulls_equal=True, maintain_order="left")
    new = joined.with_columns(recorded=pl.coalesce("_first", "recorded")).drop("_first")
    kept = old.join(new.select("_place").unique(), on="_place", how="anti", maintain_order="left")
    return pl.concat([kept, new], how="diagonal").drop("_place")


def _last_logged(rows: pl.DataFrame) -> pl.DataFrame:
    """A tracker's rows without those that the same run logged again at the same step."""
    step = ["run", "metric", "step"]
    again = pl.col("step").is_not_null() & ~pl.struct(step).is_last_distinct()
    return rows.filter(~again)


def logged_again(rows: pl.DataFrame) -> int:
    """How many rows of a tracker `merged` leaves for later ones of the same step."""
    return rows.height - _last_logged(rows).height


def accounts(rows: pl.DataFrame) -> list[Account]:
    """One account a run of a tracker's rows, in order of appearance."""
    steps = rows.group_by("run", maintain_order=True).agg(
        rows=pl.len(),
        last=pl.col("step").max(),
        gap=pl.col("step").unique().sort().diff().max().fill_null(0.0),
        expected=pl.col("_expected").last(),
        status=pl.col("_status").last(),
        truncated=pl.col("_truncated").last().fill_null(value=False),
    )
    return [Account(**row) for row in steps.iter_rows(named=True)]


def _ended(rows: pl.DataFrame, *, final_only: bool) -> pl.DataFrame:
    """Which checkpoint is the final one, which runs are short; only the last rows if so wanted.

    With ``final_only`` the mapping says that a run's last row is its end, unless the tracker knows
    better; otherwise the tracker has to say so.
    """
    runs = accounts(rows)
    ended = [one.run for one in runs if (not one.unended if final_only else one.ended)]
    cut = [one.run for one in runs if one.short or one.truncated]
    at_end = (pl.col("step") == pl.col("step").max().over("run", "metric")).fill_null(value=True)
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
    gone = removed.join(added.select("_place").unique(), on="_place", how="anti").height
    text = f"{counted(added.height - changed, 'new result')}, {changed} corrected"
    text += f", {gone} no longer there" if gone else ""
    if changed:
        both = removed.join(added, on="_place", suffix=" now", maintain_order="right")
        text += f" (the first: {_correction(both.row(0, named=True))})"
    return text


def _correction(row: Mapping[str, Any]) -> str:
    """The old and the new value of each column of one corrected result."""
    pairs = {name: (row[name], row[f"{name} now"]) for name in _SAME}
    other = [
        f"{'cells not readable:' if name == 'unparsed' else name} {_shown(was)} -> {_shown(now)}"
        for name, (was, now) in pairs.items()
        if was != now
    ]
    return f"run {row['run']!r}, {row['metric']}: {', '.join(other)}"


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    return f"{value:.12g}" if isinstance(value, float) else str(value)
