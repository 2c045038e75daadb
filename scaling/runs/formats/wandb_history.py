"""Weights & Biases histories that were exported through the public API, as a table.

Format: the objects that `wandb.apis.public.Run.scan_history` yields, saved as CSV, JSON lines or
Parquet: one row per logging call, ``_step`` and ``_timestamp`` beside the metrics. `Run.history`
gives a sample of 500 rows instead; a table cannot tell the two apart, so export with
``scan_history``. A column ``run`` or ``run_id`` names the run, otherwise the file does; columns
``config.*`` are configuration. All rows are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats import _arrow
from scaling.runs.formats._raw import (
    Run,
    as_number,
    as_step,
    flat,
    frame,
    from_json,
    parsed,
    whole_lines,
)
from scaling.runs.formats._source import Format
from scaling.runs.formats._text_table import header, table

_ENDS = (".wandb.csv", ".wandb.jsonl", ".wandb.parquet")
_RUN = ("run", "run_id")
_CONFIG = "config."


def read(path: Path) -> pl.DataFrame:
    """The raw frame of the runs in the table.

    Raises:
        InputError: not such a table, a row without ``_step``.
    """
    rows, cut = _rows(path)
    runs: dict[str, Run] = {}
    for number, row in enumerate(rows, start=1):
        name = next((str(row[key]) for key in _RUN if row.get(key) is not None), _stem(path))
        _add(runs.setdefault(name, Run(name, truncated=cut)), row, path, number)
    return frame(runs.values(), path)


def _rows(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """The filled cells of every row, and whether the file is cut."""
    end = path.suffix.lower()
    if end == ".csv":
        lines, cut = table(path)
        texts = (*_RUN, _CONFIG)
        return [
            {n: c if n.startswith(texts) else parsed(c) for n, c in line.items()} for line in lines
        ], cut
    if end == ".jsonl":
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


def _add(run: Run, row: dict[str, Any], path: Path, number: int) -> None:
    step = as_step(row.get("_step"))
    if step is None:
        value, allowed = row.get("_step"), "a number in '_step'"
        raise InputError("a row without step", file=path, row=number, value=value, allowed=allowed)
    wall = as_number(row.get("_timestamp"))
    for name, value in row.items():
        if name.startswith(_CONFIG):
            run.note("config", {name.removeprefix(_CONFIG): value})
        elif name not in ("_step", "_timestamp", *_RUN):
            run.add(step, name, value, wall)


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
    return _keys(path) if end == ".jsonl" else []


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
    suffixes=_ENDS,
    read=read,
    recognise=_recognise,
    raw=True,
)
