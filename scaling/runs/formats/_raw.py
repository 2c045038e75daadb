"""The raw frame of a tracker: one row per (run, step, metric), in the tracker's own words.

`RAW` lists the columns. After them come ``config.*`` columns (what the run was started with) and
``summary.*`` columns (what the tracker says of the run as a whole), all text, the same in every
row of a run. Rows stand in the order in which they were written. A cell without a value (empty,
null) has no row; every value has one, also where it does not count: ``left_out`` then says why.
Readers fill it where the file itself says so, `scaling.runs.formats._settled` after a restart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats._bytes import as_utf8, bounded, decoded

RAW: dict[str, Any] = {
    "run": pl.String,  # the tracker's id of the run
    "run_name": pl.String,  # the name a person gave it
    "group": pl.String,  # project or experiment
    "record": pl.Int64,  # the logging call: values of one call (one line of a table) share it
    "step": pl.Float64,
    "metric": pl.String,  # as logged
    "value": pl.Float64,  # null where it is not a number
    "value_text": pl.String,  # as logged, where ``value`` does not give it back ('007', text)
    "wall_time": pl.Float64,  # seconds since 1970, UTC
    "expected_last_step": pl.Float64,  # the tracker's own account, null where it keeps none
    "reached_step": pl.Float64,  # the last step that the file has to compare with it
    "status": pl.String,  # the tracker's own word for how the run ended
    "ended": pl.Boolean,  # whether it ended by itself, null where the tracker does not say
    "truncated": pl.Boolean,  # the file ends too early; the rows are those that are whole
    "defect": pl.String,  # what the file says against this value, a word for ``flags``
    "left_out": pl.String,  # why the value does not count, null where it does
}
_OF_RUN = ("run", "run_name", "group", "status", "ended", "truncated")
EMPTY = "no value was logged"
# Reasons that hold for single values; all others of a reader hold for a run.
GAP = "NaN where the table fills its gaps with NaN"
PURGED = "written before a session that starts at its step or an earlier one"
# A run has fewer logging calls than two to this power.
_CALLS = 40

_DEEPEST = 32
_MOST_COLUMNS = 20_000
_WORDS = {"NaN": "nan", "nan": "nan", "Infinity": "inf", "-Infinity": "-inf"}
# Ways to write that a cell has no value.
_ABSENT = ("", "null", "none", "na", "n/a", "<na>")


class Row(NamedTuple):
    """One logged value; the names are columns of `RAW`."""

    record: int
    step: float | None
    metric: str
    value: float | None
    value_text: str | None
    wall_time: float | None
    defect: str | None = None
    left_out: str | None = None


@dataclass
class Run:
    """What was found of one run.

    ``expected_last_steps`` is for trackers that count steps by metric. ``left_out`` is the reason
    for which no value of the run counts.
    """

    run: str
    run_name: str | None = None
    group: str | None = None
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, str | None] = field(default_factory=dict)
    expected_last_step: float | None = None
    expected_last_steps: dict[str, float] = field(default_factory=dict)
    status: str | None = None
    ended: bool | None = None
    truncated: bool = False
    left_out: str | None = None

    def add(
        self,
        step: float | None,
        metric: str,
        value: object,
        wall: float | None,
        *,
        record: int | None = None,
        defect: str | None = None,
    ) -> None:
        """One logged value. Numbers are kept as numbers, anything else as text.

        ``record`` is the logging call, counted from 1 in the run; the value is a call of its own
        without it.
        """
        if is_absent(value):
            return
        number = as_number(value)
        text = as_text(value) if number is None else _lost_spelling(value)
        # Before all that are counted, so that a run may have values of both kinds.
        call = -len(self.rows) if record is None else record
        self.rows.append(Row(call, step, metric, number, text, wall, defect))

    def note(self, prefix: str, values: dict[str, Any]) -> None:
        """What holds for the whole run, as columns under the prefix; nested names with points."""
        for name, value in flat(values):
            self.notes[f"{prefix}.{name}"] = None if value is None else as_text(value)


class Written(float):
    """A number that remembers how a text table writes it."""

    def __init__(self, text: str) -> None:
        self.text = text


def is_absent(value: object) -> bool:
    """Whether a cell has no value: empty, null, or a word for it. NaN is a value."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _ABSENT)


def _lost_spelling(value: object) -> str | None:
    """The text of a number that is not to be had from the number: '007' may be a name."""
    text = value.text if isinstance(value, Written) else None
    return None if text is None or text == as_name(float(text)) else text


def as_name(number: float) -> str:
    """A number as a name: whole ones without a point."""
    return f"{number:.0f}" if number.is_integer() and abs(number) < 2**53 else repr(number)


def as_number(value: object) -> float | None:
    """The number, or None: truth values are not numbers, JSON writers' words for NaN are."""
    if isinstance(value, str) and value in _WORDS:
        return float(_WORDS[value])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def as_step(value: object) -> float | None:
    """The number if it is one that a step can be."""
    number = as_number(value)
    return number if number is not None and math.isfinite(number) else None


def parsed(text: str | None) -> object:
    """The cell of a text table: a number if it is one, else as it stands."""
    try:
        return text if text is None or "_" in text else Written(text)
    except ValueError:
        return text


def as_text(value: object) -> str:
    """The value as text; lists, truth values and the like as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def flat(values: dict[str, Any], above: str = "", depth: int = 0) -> list[tuple[str, Any]]:
    """Nested names joined by points. Empty and too deep objects stay whole."""
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict) and value and depth < _DEEPEST:
            found += flat(value, f"{above}{name}.", depth + 1)
        else:
            found.append((f"{above}{name}", value))
    return found


def from_json(text: str | bytes, path: Path, row: int | None = None) -> Any:
    """The JSON value.

    Raises:
        InputError: not JSON, not UTF-8, nested too deeply, or a number too long to read.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        problem = f"not readable as JSON: {error}"
        start = text[:80] if isinstance(text, str) else text[:80].decode("utf-8", "replace")
        raise InputError(problem, file=path, row=row, value=start) from None


def whole_lines(path: Path) -> tuple[str, bool]:
    """The text up to its last line break, and whether anything comes after it.

    Loggers end every line, so what follows the last line break is half a line.
    """
    data = as_utf8(bounded(path), path)
    kept = data[: data.rfind(b"\n") + 1]
    return decoded(kept, path), len(kept) < len(data)


def run_left_out() -> pl.Expr:
    """Whether the reader leaves out the whole run."""
    return (~pl.col("left_out").is_in((GAP, PURGED))).fill_null(value=False)


def frame(runs: Iterable[Run], path: Path) -> pl.DataFrame:
    """The raw frame of all runs, one after the other.

    Raises:
        InputError: more configuration columns than a table can hold, or text that is no Unicode.
    """
    try:
        tables = [_table(run, number) for number, run in enumerate(runs)]
    except UnicodeError as error:
        raise InputError(f"text that is not Unicode: {error}", file=path) from None
    names = {name for table in tables for name in table.columns}
    if len(names) > _MOST_COLUMNS:
        allowed = f"<= {_MOST_COLUMNS}"
        raise InputError("too many columns", file=path, value=len(names), allowed=allowed)
    joined = pl.concat([pl.DataFrame(schema=RAW), *tables], how="diagonal")
    return joined.select(*RAW, *sorted(names - set(RAW)))


def _table(run: Run, number: int) -> pl.DataFrame:
    # A run that has no value has one row without a metric, which says why.
    reason = run.left_out or (None if run.rows else EMPTY)
    logged = zip(*run.rows, strict=True) if run.rows else [(None,)] * len(Row._fields)
    schema = {name: RAW[name] for name in Row._fields}
    table = pl.DataFrame(dict(zip(schema, logged, strict=True)), schema=schema)
    same = {name: getattr(run, name) for name in _OF_RUN}
    return table.with_columns(
        *(pl.lit(value, dtype=RAW[name]).alias(name) for name, value in same.items()),
        *(pl.lit(value, dtype=pl.String).alias(name) for name, value in run.notes.items()),
        pl.coalesce(pl.lit(reason, dtype=pl.String), "left_out").alias("left_out"),
        # Calls are counted in each run, and a run may lie in several files.
        pl.col("record") + (number << _CALLS),
        *_reached(run),
    )


def _reached(run: Run) -> list[pl.Expr]:
    """The last step that the tracker knows and the one that the file has, of run or metric."""
    last = pl.col("step").max()
    if not run.expected_last_steps:
        expected = pl.lit(run.expected_last_step, dtype=pl.Float64)
        return [expected.alias("expected_last_step"), last.alias("reached_step")]
    known = pl.col("metric").replace_strict(
        run.expected_last_steps, default=None, return_dtype=pl.Float64
    )
    return [known.alias("expected_last_step"), last.over("metric").alias("reached_step")]


def by_time(streams: Iterable[Sequence[Row]]) -> list[Row]:
    """Rows of several streams in the order in which they were written.

    Each stream is in order already, so its clock is taken not to go back (a person may have given
    the times); rows without a time stay behind the one before them.
    """
    timed = []
    for rows in streams:
        latest = -math.inf
        for row in rows:
            latest = max(latest, -math.inf if row.wall_time is None else row.wall_time)
            timed.append((latest, row))
    return [row for _, row in sorted(timed, key=lambda pair: pair[0])]


def by_metric(rows: Iterable[Row]) -> Iterable[list[Row]]:
    """The rows of each metric, in their order."""
    streams: dict[str, list[Row]] = {}
    for row in rows:
        streams.setdefault(row.metric, []).append(row)
    return streams.values()


def without_gaps(runs: Iterable[Run]) -> None:
    """Mark NaN that fills gaps in a table with a column a metric.

    It does so before a later number of its run (a loss that diverged does not come back), in calls
    of a kind that has such gaps, and in calls that log nothing less than others do. What is left
    was logged: a loss that is NaN where calls of the same kind have a number.
    """
    found = [run for run in runs if any(map(_is_nan, run.rows))]
    kinds = [_kinds(run) for run in found]
    gaps = [_before_a_number(run.rows) for run in found]
    known = {
        (kind[row.record], row.metric)
        for run, kind, before in zip(found, kinds, gaps, strict=True)
        for row, gap in zip(run.rows, before, strict=True)
        if gap
    }
    every = {one for kind in kinds for one in kind.values()}
    whole = {one for one in every if not any(one < other for other in every)}
    for run, kind, before in zip(found, kinds, gaps, strict=True):
        for i, row in enumerate(run.rows):
            one = kind[row.record]
            if before[i] or (_is_nan(row) and (one in whole or (one, row.metric) in known)):
                run.rows[i] = row._replace(left_out=GAP)


def _kinds(run: Run) -> dict[int, frozenset[str]]:
    """What each logging call has values of, NaN apart."""
    named: dict[int, set[str]] = {}
    for row in run.rows:
        named.setdefault(row.record, set()).update(() if _is_nan(row) else (row.metric,))
    return {record: frozenset(names) for record, names in named.items()}


def _before_a_number(rows: Sequence[Row]) -> list[bool]:
    """Whether each row is NaN and its metric has a number later."""
    later, found = set[str](), list[bool]()
    for row in reversed(rows):
        nan = _is_nan(row)
        found.append(nan and row.metric in later)
        if row.value is not None and not nan:
            later.add(row.metric)
    return found[::-1]


def _is_nan(row: Row) -> bool:
    return row.value is not None and math.isnan(row.value)
