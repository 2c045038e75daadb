"""JSON lines (.jsonl, .ndjson): one object per line, whose keys are columns.

A missing key is an empty cell. A column keeps its type where all its values share one; numbers
with and without a point are one type; in a mixed column every value becomes its JSON text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, shorten
from scaling.runs.formats._bytes import text_of_file
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The table of the file.

    Raises:
        InputError: not UTF-8 or UTF-16, or a line that is not a JSON object with distinct keys.
    """
    return of_lines(text_of_file(path), path)


def of_lines(text: str, path: Path) -> pl.DataFrame:
    """The table of these lines. Raises as `read`."""
    filled = (line for line in text.split("\n") if line.strip())
    return of_objects([_row(line, number, path) for number, line in enumerate(filled, start=1)])


def of_objects(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The table of these objects, whose keys are columns."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame([column(name, [row.get(name) for row in rows]) for name in names])


def _row(line: str, number: int, path: Path) -> dict[str, Any]:
    """One line as an object."""
    try:
        row = json.loads(line, object_pairs_hook=distinct)
    except (ValueError, RecursionError) as error:
        problem = f"not a JSON object: {error}"
        raise InputError(problem, file=path, row=number, value=line) from None
    if not isinstance(row, dict):
        raise InputError("not a JSON object", file=path, row=number, value=line)
    return row


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless a key appears twice (JSON readers keep the last, silently)."""
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError(f"a key appears twice in {shorten([key for key, _ in pairs])}")
    return row


def column(name: str, values: list[Any]) -> pl.Series:
    """The values as text, truth values, whole or other numbers; mixed ones as JSON text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds and kinds <= {int, float}:
        numbers = [None if value is None else float(value) for value in values]
        return pl.Series(name, numbers, dtype=pl.Float64)
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pl.Series(name, texts, dtype=pl.String)


FORMAT = Format(
    name="jsonl",
    meaning="run schema as one JSON object per line",
    seen="tables of polars 2.1.0 (2026-11-30)",
    suffixes=(".jsonl", ".ndjson"),
    read=read,
    packed=True,
)
