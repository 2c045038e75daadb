"""Neptune exports: the Parquet files of neptune-exporter, one or a folder of them.

Format: the table in the README of https://github.com/neptune-ai/neptune-exporter: one row per
value, with ``project_id``, ``run_id``, ``attribute_path``, ``attribute_type``, ``step`` (decimal),
``timestamp`` (milliseconds, UTC) and one value column per type. Series become rows, single values
become ``config.*`` columns. Runs are written in parts (``RUN_part_0.parquet``, ...); a part that is
missing between others is refused. The export keeps no account of a run's last step, so the last
part of a run cannot be missed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats import _arrow
from scaling.runs.formats._raw import Run, as_text, by_metric, by_time, frame
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions

_SUFFIX = ".neptune.parquet"
_KEYS = ("project_id", "run_id", "attribute_path", "attribute_type")
_TYPES = "texts, a number 'step' and a time 'timestamp'"
_PART = re.compile(r"^(.*)part_(\d{1,9})\.parquet$")
# Where the value of each type stands; series first.
_SERIES = {
    "float_series": "float_value",
    "string_series": "string_value",
    "histogram_series": "histogram_value",
    "file_series": "file_value",
}
_SINGLE = {
    "float": "float_value",
    "int": "int_value",
    "string": "string_value",
    "bool": "bool_value",
    "datetime": "datetime_value",
    "string_set": "string_set_value",
    "file": "file_value",
}


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of every run in the file or folder.

    Raises:
        InputError: not such a table, an unknown type of attribute, a missing part.
    """
    files = sorted(path.rglob("*.parquet"), key=_order) if path.is_dir() else [path]
    _check_parts(file for file in files if path.is_dir())
    tables = [(_table(file), file) for file in files]
    projects = {p for table, _ in tables for p in table["project_id"].unique().to_list()}
    runs: dict[tuple[str, str], Run] = {}
    for table, file in tables:
        for row, cells in enumerate(table.iter_rows(named=True), start=1):
            key = (cells["project_id"], cells["run_id"])
            name = key[1] if len(projects) == 1 else "/".join(map(str, key))
            _add(runs.setdefault(key, Run(name, group=key[0])), cells, file, row)
    for run in runs.values():
        run.rows = by_time(by_metric(run.rows))
    return frame(runs.values(), path)


def _order(file: Path) -> tuple[str, str, int]:
    """Parts by number: 10 comes after 9."""
    found = _PART.match(file.name)
    return (file.parent.as_posix(), found[1], int(found[2])) if found else (str(file), "", 0)


def _check_parts(files: Iterable[Path]) -> None:
    """Parts of a run count from 0 without a gap."""
    numbers: dict[Path, set[int]] = {}
    for file in files:
        found = _PART.match(file.name)
        if found:
            numbers.setdefault(file.with_name(found[1]), set()).add(int(found[2]))
    for start, seen in numbers.items():
        missing = next((n for n in range(len(seen)) if n not in seen), None)
        if missing is not None:
            name = f"{start.name}part_{missing}.parquet"
            raise InputError("a part of the run is missing", file=start.with_name(name))


def _table(file: Path) -> pl.DataFrame:
    table = _arrow.table(file)
    missing = [name for name in (*_KEYS, "step", "timestamp") if name not in table.columns]
    if missing:
        raise InputError("not a Neptune export", file=file, allowed=f"a column {missing[0]!r}")
    stamp, step = table.schema["timestamp"], table.schema["step"]
    texts = [table.schema[name] == pl.String for name in _KEYS]
    if not (isinstance(stamp, pl.Datetime) and step.is_numeric() and all(texts)):
        found = {name: str(table.schema[name]) for name in (*_KEYS, "step", "timestamp")}
        raise InputError("columns of other types", file=file, value=found, allowed=_TYPES)
    if table.select(pl.any_horizontal(pl.col(_KEYS).is_null().any())).item():
        raise InputError("a row without run or attribute", file=file)
    wall = pl.col("timestamp").dt.epoch("ms") / 1000.0
    return table.with_columns(timestamp=wall, step=pl.col("step").cast(pl.Float64))


def _add(run: Run, cells: dict[str, Any], file: Path, row: int) -> None:
    kind, name = cells["attribute_type"], cells["attribute_path"]
    if kind not in _SERIES | _SINGLE:
        allowed = " | ".join(_SERIES | _SINGLE)
        raise InputError("unknown type", file=file, row=row, value=(name, kind), allowed=allowed)
    value = cells.get((_SERIES | _SINGLE)[kind])
    if kind in _SERIES:
        run.add(cells["step"], name, value, cells["timestamp"])
        return
    run.notes[f"config.{name}"] = None if value is None else _plain(value)
    if name == "sys/name":
        run.run_name = _plain(value)


def _plain(value: Any) -> str:
    """Single values as text: sets as JSON, moments in ISO form."""
    return as_text(list(value)) if isinstance(value, list | set | pl.Series) else as_text(value)


def _recognise(path: Path) -> bool:
    if not path.is_dir():
        return path.name.lower().endswith(_SUFFIX) or _is_export(path)
    return any(
        _is_export(f) for level in ("*", "*/*") for f in sorted(path.glob(f"{level}.parquet"))
    )


def _is_export(file: Path) -> bool:
    if file.suffix.lower() != ".parquet" or not file.is_file():
        return False
    return set(_KEYS) <= set(_arrow.names(file))


FORMAT = Format(
    name="neptune",
    meaning="Parquet file of neptune-exporter, or a folder of them",
    seen="the schema of neptune-exporter, written by pyarrow 26.0.1 (2026-11-30)",
    suffixes=(_SUFFIX,),
    read=read,
    recognise=_recognise,
    raw=True,
    own_ids=True,
    needs=("*.parquet",),
)
