"""Weights & Biases histories that were exported through the public API, as a table.

Format: the objects that `wandb.apis.public.Run.scan_history` yields, saved as CSV, JSON lines or
Parquet: one row per logging call, ``_step`` and ``_timestamp`` beside the metrics. `Run.history`
gives a sample of 500 rows instead; a table cannot tell the two apart, so export with
``scan_history``. The first column of `_IDENTITY` that the table has names the run, otherwise the
file does; columns ``config.*`` are configuration. A file of `scaling pull wandb` also says how each
run ended, and its last step. All rows are read; where each row of a run has a
time, they are put in its order, because services give histories by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats import _arrow
from scaling.runs.formats._raw import (
    Run,
    as_name,
    as_number,
    as_step,
    as_text,
    flat,
    frame,
    from_json,
    is_absent,
    parsed,
    whole_lines,
    without_gaps,
)
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions
from scaling.runs.formats._text_table import header, table

_ENDS = (".wandb.csv", ".wandb.jsonl", ".wandb.parquet")
_LINES = (".jsonl", ".ndjson")
# Columns that name a run, the surest first: ids of the tracker, then names that people gave.
_NAMES = ("run_name", "run.name", "name", "display_name")
_IDENTITY = ("run_id", "run.id", "run", *_NAMES)
_CONFIG = "config."
# What `scaling pull wandb` writes of a run as a whole, in its first row.
STATE, LAST_STEP, LINES, PROJECT = "run.state", "run.last_step", "run.lines", "run.project"
_OF_RUN = (STATE, LAST_STEP, LINES, PROJECT)


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of the runs in the table.

    Raises:
        InputError: not such a table, a row without ``_step``.
    """
    rows, cut = _rows(path)
    identity = _identity(rows)
    runs: dict[str | None, Run] = {}
    for number, row in enumerate(rows, start=1):
        key = _name(row.get(identity[0])) if identity else _stem(path)
        run = runs.setdefault(key, Run(key or _stem(path), truncated=cut))
        if key is None:
            run.left_out = f"no run in column {identity[0]!r}"
        for column in (one for one in identity[:2] if one.lower() in _NAMES):
            run.run_name = _name(row.get(column)) or run.run_name
        _said(run, row)
        _add(run, row, path, number, identity[:2])
    without_gaps(runs.values())
    for run in runs.values():
        if all(row.wall_time is not None for row in run.rows):
            run.rows.sort(key=lambda row: row.wall_time or 0.0)
    return frame(runs.values(), path)


def _identity(rows: list[dict[str, Any]]) -> list[str]:
    """The columns of the table that name a run, the surest first."""
    there = dict.fromkeys(name for row in rows for name in row)
    return [name for known in _IDENTITY for name in there if name.lower() == known]


def _name(value: Any) -> str | None:
    """A cell as a name; None where it has none, which a table may write as NaN."""
    if is_absent(value) or str(value) in ("NaN", "nan"):
        return None
    return as_name(value) if isinstance(value, float) else as_text(value)


def _rows(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """The filled cells of every row, and whether the file is cut."""
    end = path.suffix.lower()
    if end == ".csv":
        lines, cut = table(path)
        return [
            {
                n: c if n.lower() in _IDENTITY or n.startswith(_CONFIG) else parsed(c)
                for n, c in line.items()
            }
            for line in lines
        ], cut
    if end in _LINES:
        text, cut = whole_lines(path)
        lines_in = [line for line in text.split("\n") if line.strip()]
        return [_object(line, path, row) for row, line in enumerate(lines_in, start=1)], cut
    found = _arrow.table(path).iter_rows(named=True)
    return [{n: c for n, c in row.items() if c is not None} for row in found], False


def _object(line: str, path: Path, row: int) -> dict[str, Any]:
    value = from_json(line, path, row)
    if not isinstance(value, dict):
        raise InputError("not an object", file=path, row=row, value=line)
    return dict(flat(value))


def _said(run: Run, row: dict[str, Any]) -> None:
    """What the service said of the run when it was pulled."""
    if row.get(STATE):
        run.status = as_text(row[STATE])
        run.ended = run.status == "finished"
    if PROJECT in row:
        run.group = as_text(row[PROJECT])
    run.expected_last_step = as_step(row.get(LAST_STEP, run.expected_last_step))


def _add(run: Run, row: dict[str, Any], path: Path, number: int, identity: Sequence[str]) -> None:
    step = as_step(row.get("_step"))
    if step is None:
        value, allowed = row.get("_step"), "a number in '_step'"
        raise InputError("a row without step", file=path, row=number, value=value, allowed=allowed)
    wall = as_number(row.get("_timestamp"))
    for name, value in row.items():
        if name.startswith(_CONFIG) and not is_absent(value):
            run.note("config", {name.removeprefix(_CONFIG): value})
        elif name not in ("_step", "_timestamp", *_OF_RUN, *identity) and not name.startswith(
            _CONFIG
        ):
            run.add(step, name, value, wall, record=number)


def _stem(path: Path) -> str:
    return path.stem.removesuffix(".wandb")


def _recognise(path: Path) -> bool:
    """By name, or by the column that only these histories have."""
    name = path.name.lower()
    if name.endswith(_ENDS):
        return True
    return path.is_file() and "_step" in _names(path)


def _names(path: Path) -> list[str]:
    end = path.suffix.lower()
    if end == ".csv":
        return header(path)
    if end == ".parquet":
        return _arrow.names(path)
    return _keys(path) if end in _LINES else []


def _keys(path: Path) -> list[str]:
    """The keys of the first line."""
    try:
        with path.open("rb") as handle:
            return list(_object(handle.readline(1_000_000).decode(), path, 1))
    except (OSError, ValueError):
        return []


FORMAT = Format(
    name="wandb-history",
    meaning="Weights & Biases history saved from scan_history as CSV, JSON lines or Parquet",
    seen="its public description, and what `scaling pull wandb` "
    "writes; no file of the service (2026-11-30)",
    suffixes=_ENDS,
    read=read,
    recognise=_recognise,
    raw=True,
)
