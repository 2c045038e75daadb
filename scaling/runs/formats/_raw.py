"""The raw frame of a tracker: one row per (run, step, metric), in the tracker's own words.

`RAW` lists the columns. After them come ``config.*`` columns (what the run was started with) and
``summary.*`` columns (what the tracker says of the run as a whole), all text, the same in every
row of a run. Rows stand in the order in which they were written; a step that was logged twice
(after a resume, say) has two rows, because which of them counts is for the mapping to say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError

RAW: dict[str, Any] = {
    "run": pl.String,  # the tracker's id of the run
    "run_name": pl.String,  # the name a person gave it
    "group": pl.String,  # project or experiment
    "step": pl.Float64,
    "metric": pl.String,  # as logged
    "value": pl.Float64,  # null where it is not a number
    "value_text": pl.String,  # what was logged where it is not a number
    "wall_time": pl.Float64,  # seconds since 1970, UTC
    "expected_last_step": pl.Float64,  # the tracker's own account, null where it keeps none
    "status": pl.String,  # the tracker's own word for how the run ended
    "truncated": pl.Boolean,  # the file ends too early; the rows are those that are whole
}

LARGEST_FILE = 2 * 1024**3
_DEEPEST = 32
_MOST_COLUMNS = 20_000
_WORDS = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}

Row = tuple[float | None, str, float | None, str | None, float | None]


@dataclass
class Run:
    """What was found of one run; ``rows`` hold step, metric, value, text and wall time."""

    run: str
    run_name: str | None = None
    group: str | None = None
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, str | None] = field(default_factory=dict)
    expected_last_step: float | None = None
    status: str | None = None
    truncated: bool = False

    def add(self, step: float | None, metric: str, value: object, wall: float | None) -> None:
        """One logged value. Numbers are kept as numbers, anything else as text."""
        number = as_number(value)
        text = None if number is not None or value is None else as_text(value)
        self.rows.append((step, metric, number, text, wall))

    def note(self, prefix: str, values: dict[str, Any]) -> None:
        """What holds for the whole run, as columns under the prefix; nested names with points."""
        for name, value in flat(values):
            self.notes[f"{prefix}.{name}"] = None if value is None else as_text(value)


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
        return text if text is None or "_" in text else float(text)
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


def bounded(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """The bytes of a file that is not larger than the limit."""
    check_size(path, largest)
    return path.read_bytes()


def check_size(path: Path, largest: int = LARGEST_FILE) -> None:
    """Refuse a file that is larger than the limit."""
    size = path.stat().st_size
    if size > largest:
        raise InputError("too large a file", file=path, value=size, allowed=f"<= {largest} bytes")


def whole_lines(path: Path) -> tuple[str, bool]:
    """The text up to its last line break, and whether anything comes after it.

    Loggers end every line, so what follows the last line break is half a line.
    """
    data = bounded(path)
    kept = data[: data.rfind(b"\n") + 1]
    try:
        return kept.decode("utf-8-sig"), len(kept) < len(data)
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", file=path) from None


def frame(runs: Iterable[Run], path: Path) -> pl.DataFrame:
    """The raw frame of all runs, one after the other.

    Raises:
        InputError: more configuration columns than a table can hold, or text that is no Unicode.
    """
    try:
        tables = [_table(run) for run in runs]
    except UnicodeError as error:
        raise InputError(f"text that is not Unicode: {error}", file=path) from None
    names = {name for table in tables for name in table.columns}
    if len(names) > _MOST_COLUMNS:
        allowed = f"<= {_MOST_COLUMNS}"
        raise InputError("too many columns", file=path, value=len(names), allowed=allowed)
    joined = pl.concat([pl.DataFrame(schema=RAW), *tables], how="diagonal")
    return joined.select(*RAW, *sorted(names - set(RAW)))


def _table(run: Run) -> pl.DataFrame:
    step, metric, value, text, wall = _columns(run.rows)
    logged = {"step": step, "metric": metric, "value": value, "value_text": text, "wall_time": wall}
    table = pl.DataFrame(logged, schema={name: RAW[name] for name in logged})
    same = {name: getattr(run, name) for name in RAW if name not in logged}
    return table.with_columns(
        *(pl.lit(value, dtype=RAW[name]).alias(name) for name, value in same.items()),
        *(pl.lit(value, dtype=pl.String).alias(name) for name, value in run.notes.items()),
    )


def _columns(rows: Sequence[Row]) -> tuple[Sequence[Any], ...]:
    return tuple(zip(*rows, strict=True)) if rows else ((), (), (), (), ())
