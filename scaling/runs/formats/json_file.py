"""JSON (.json): a table as an array of objects, or as an object of columns.

Read are the orders in which `pandas.DataFrame.to_json` writes (records, columns, split, index,
table), arrays of rows below a row of names, one array of objects inside an object, and JSON lines
that were called .json. Types are those of JSON lines.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, shorten
from scaling.runs.formats._bytes import text_of_file
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions
from scaling.runs.formats.jsonl_file import distinct, of_lines, of_objects
from scaling.runs.schema import RUN, by_name

_OURS = by_name(RUN)
_LARGEST = 512 * 1024**2
_FORMS = "an array of objects, or an object of columns: {'params': [1e9, ...], ...}"


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The table of the file.

    Raises:
        InputError: not UTF-8 or UTF-16, not JSON, a key that appears twice, or no table.
    """
    text = text_of_file(path, _LARGEST)
    try:
        value = json.loads(text, object_pairs_hook=distinct)
    except (ValueError, RecursionError) as error:
        if str(error).startswith("Extra data") and text.lstrip().startswith("{"):
            options.say("the file is JSON lines: an object a line")
            return of_lines(text, path)
        problem = f"not readable as JSON: {error}"
        raise InputError(problem, file=path, value=text[:80]) from None
    rows = _rows(value, path, options)
    if not rows:
        raise InputError("no table in this JSON", file=path, value=value, allowed=_FORMS)
    return of_objects(rows)


def _rows(value: Any, path: Path, options: ReadOptions) -> list[dict[str, Any]]:
    """The rows as objects; none where there are none."""
    if isinstance(value, list):
        return _of_array(value, path)
    if not isinstance(value, dict):
        return []
    if {"columns", "data"} <= set(value) <= {"columns", "data", "index"}:
        return _of_array([value["columns"], *_listed(value["data"])], path)
    inner = [name for name, one in value.items() if _is_objects(one)]
    if len(inner) == 1 and not any(
        isinstance(one, list) for n, one in value.items() if n not in inner
    ):
        if others := [name for name in value if name not in inner]:
            options.say(f"rows are those of {inner[0]!r}; left out: {shorten(others, 100)}")
        return list(value[inner[0]])
    if value and all(isinstance(one, list) for one in value.values()):
        return _of_columns(value, path)
    if value and all(isinstance(one, dict) for one in value.values()):
        return _of_nested(value, path, options)
    return []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(o, dict) for o in value)


def _of_array(value: list[Any], path: Path) -> list[dict[str, Any]]:
    """Objects, or rows below a row of names."""
    if _is_objects(value):
        return value
    if len(value) < 2 or not all(isinstance(row, list) for row in value):
        place = next((i for i, row in enumerate(value, 1) if not isinstance(row, dict)), None)
        found = value[place - 1] if place else value
        raise InputError("not a row", file=path, row=place, value=found, allowed=_FORMS)
    names, rows = value[0], value[1:]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        allowed = "distinct texts that name the columns"
        raise InputError("no names above the rows", file=path, value=names, allowed=allowed)
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            problem = f"{len(row)} cells in a table of {len(names)} columns"
            raise InputError(problem, file=path, row=number)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _of_columns(value: dict[str, list[Any]], path: Path) -> list[dict[str, Any]]:
    lengths = {name: len(cells) for name, cells in value.items()}
    if len(set(lengths.values())) > 1:
        allowed = "columns of one length"
        raise InputError("columns of other lengths", file=path, value=lengths, allowed=allowed)
    return [dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True)]


def _of_nested(
    value: dict[str, dict[str, Any]], path: Path, options: ReadOptions
) -> list[dict[str, Any]]:
    """Objects of columns by row, or of rows by column.

    Numbers are the names of rows; other names of rows, beside columns of ours, those of runs.

    Raises:
        InputError: neither tells, so that rows cannot be told from columns.
    """
    inner = list(dict.fromkeys(name for one in value.values() for name in one))
    if any(isinstance(cell, dict) for one in value.values() for cell in one.values()):
        return []
    across = {row: {name: one.get(row) for name, one in value.items()} for row in inner}
    for names, rows in ((inner, across), (list(value), value)):
        if names and all(name.isdecimal() for name in names):
            return list(rows.values())
    for columns, rows in ((value, across), (inner, value)):
        if any(name in _OURS for name in columns):
            if "run" in columns:
                return list(rows.values())
            options.say(f"names of rows are those of runs: {', '.join(list(rows)[:4])}")
            return [{"run": name, **row} for name, row in rows.items()]
    hint = "Save it with orient='records'."
    found = {"outer": list(value)[:5], "inner": inner[:5]}
    raise InputError("rows or columns first", file=path, value=found, allowed=_FORMS, hint=hint)


FORMAT = Format(
    name="json",
    meaning="run schema as a JSON array of objects, or an object of columns",
    seen="every `orient` of `to_json` of pandas 3.1.1 (2026-11-30)",
    suffixes=(".json",),
    read=read,
    packed=True,
)
