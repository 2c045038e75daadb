"""MLflow tracking stores: a folder ``mlruns/`` or an SQLite file ``mlflow.db``, read directly.

Format: `mlflow.store.tracking.file_store` (``EXPERIMENT/RUN/meta.yaml``, ``metrics/NAME`` with
lines "time value step [dataset digest]", ``params/NAME``) and the tables of
`mlflow.store.dbmodels.models`. All metric history is read, with every repeat of a step. MLflow's
own reader puts lines with a data set at step 0; here they keep the step that they state.

SQLite has no NaN and, for MLflow, no infinity: ``is_nan`` and the largest double stand for them.
The database keeps each metric's latest step, which gives ``expected_last_step``; the folder does
not. Runs that were deleted, alone or with their experiment, and folders of runs whose ``meta.yaml``
is missing or damaged are read and left out (``left_out``).
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, shorten
from scaling.runs.formats._bytes import bounded
from scaling.runs.formats._raw import (
    Run,
    as_number,
    by_metric,
    by_time,
    frame,
    whole_lines,
)
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions
from scaling.runs.formats._yaml import from_yaml

_META, _TRASH = "meta.yaml", ".trash"
DELETED = "deleted in the tracker"
_LARGEST_META = 1024**2
_LARGEST_CELL = 16 * 1024**2
_STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
_LARGEST_DOUBLE = 1.7976931348623157e308
_TABLES = {"runs", "experiments", "metrics", "params", "latest_metrics"}


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of every run in the store.

    Raises:
        InputError: not an MLflow store, or a damaged one.
    """
    return frame(_folder(path) if path.is_dir() else _database(path), path)


def _folder(path: Path) -> list[Run]:
    # What MLflow deletes with its experiment lies in `.trash`.
    levels = ("*", "*/*", f"{_TRASH}/*/*")
    folders = {folder for level in levels for folder in path.glob(level) if folder.is_dir()}
    found = [(*_meta(folder / _META), folder) for folder in sorted(folders)]
    return [_run(*one) for one in sorted(found, key=_age) if _is_run(*one)]


def _is_run(meta: dict[str, Any], fault: str | None, folder: Path) -> bool:
    """Models that runs logged lie in folders of the same form, without the id of a run."""
    if fault is None:
        return not meta.keys().isdisjoint(("run_id", "run_uuid"))
    return (folder / "metrics").is_dir() or (folder / "params").is_dir()


def _age(found: tuple[dict[str, Any], str | None, Path]) -> tuple[float, str]:
    return (as_number(found[0].get("start_time")) or 0.0, found[2].name)


def _meta(file: Path) -> tuple[dict[str, Any], str | None]:
    """What it says and, where it cannot be read, why."""
    if not file.is_file():
        return {}, f"no {_META}"
    try:
        meta = from_yaml(file, _LARGEST_META)
    except InputError as error:
        return {}, f"{_META} is {shorten(error.problem, 120)}"
    if isinstance(meta, dict):
        return meta, None
    return {}, f"{_META} is empty" if meta is None else f"{_META} is not a mapping"


def _run(meta: dict[str, Any], fault: str | None, folder: Path) -> Run:
    experiment, _ = _meta(folder.parent / _META)
    group = str(experiment.get("name", folder.parent.name))
    run = Run(folder.name, _word(meta.get("run_name")), group, left_out=fault)
    if "deleted" in (meta.get("lifecycle_stage"), experiment.get("lifecycle_stage")) or (
        folder.parent.parent.name == _TRASH
    ):
        run.left_out = DELETED
    run.status = _STATUS.get(str(meta.get("status")))
    run.ended = _ended(run.status)
    for file in _files(folder / "params"):
        name = file.relative_to(folder / "params").as_posix()
        run.note("config", {name: _param(file)})
    for file in _files(folder / "metrics"):
        _metric(file, file.relative_to(folder / "metrics").as_posix(), run)
    run.rows = by_time(by_metric(run.rows))
    return run


def _word(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _ended(status: str | None) -> bool | None:
    return None if status is None else status == "FINISHED"


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _param(file: Path) -> str:
    try:
        return bounded(file, _LARGEST_CELL).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", file=file) from None


def _metric(file: Path, name: str, run: Run) -> None:
    text, cut = whole_lines(file)
    run.truncated = run.truncated or cut
    for row, line in enumerate(text.split("\n")[:-1], start=1):
        try:
            wall, value, step = _line(line)
        except (ValueError, OverflowError):
            allowed = "'time value step', with a data set and its digest or without"
            raise InputError(
                "not a metric", file=file, row=row, value=line, allowed=allowed
            ) from None
        run.add(step, name, value, wall)


def _line(line: str) -> tuple[float, float, float]:
    parts = line.strip().split(" ")
    if len(parts) not in (2, 3, 5):
        raise ValueError(line)
    # The first versions of MLflow had no steps, and show such values at step 0.
    step = int(parts[2]) if len(parts) > 2 else 0
    return int(parts[0]) / 1000.0, float(parts[1]), float(step)


def _database(path: Path) -> list[Run]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            _check(database, path)
            return _runs(database, path)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise InputError(f"not a readable SQLite database: {error}", file=path) from None


def _check(database: sqlite3.Connection, path: Path) -> None:
    """Sound pages, and MLflow's tables (not views, which could be anything)."""
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_CELL)
    database.execute("PRAGMA trusted_schema = OFF")
    faults = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if faults != "ok":
        raise InputError("a damaged SQLite database", file=path, value=faults)
    tables = {
        name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
    }
    if not tables >= _TABLES:
        missing = ", ".join(sorted(_TABLES - tables))
        raise InputError(f"not an MLflow store: no table {missing}", file=path)


def _runs(database: sqlite3.Connection, path: Path) -> list[Run]:
    query = (
        "SELECT r.run_uuid, r.name, e.name, r.status, r.lifecycle_stage, e.lifecycle_stage"
        " FROM runs AS r LEFT JOIN experiments AS e ON e.experiment_id = r.experiment_id"
        " ORDER BY r.start_time, r.run_uuid"
    )
    runs: dict[str, Run] = {}
    for uuid, name, experiment, status, *stages in database.execute(query):
        run = Run(str(uuid), _word(name), _word(experiment), status=_word(status))
        run.ended = _ended(run.status)
        run.left_out = DELETED if "deleted" in stages else None
        runs[uuid] = run
    for uuid, key, step in database.execute("SELECT run_uuid, key, step FROM latest_metrics"):
        if (last := as_number(step)) is not None:
            _of(runs, uuid, path).expected_last_steps[str(key)] = last
    for uuid, key, value in database.execute("SELECT run_uuid, key, value FROM params"):
        _of(runs, uuid, path).note("config", {str(key): value})
    for row, (uuid, *rest) in enumerate(_history(database), start=1):
        _logged(_of(runs, uuid, path), rest, path, row)
    for run in runs.values():
        run.rows = by_time(by_metric(run.rows))
    return list(runs.values())


def _history(database: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    query = "SELECT run_uuid, step, key, value, is_nan, timestamp FROM metrics ORDER BY rowid"
    yield from database.execute(query)


def _of(runs: dict[str, Run], uuid: str, path: Path) -> Run:
    if uuid not in runs:
        raise InputError("values of a run that is not there", file=path, value=uuid)
    return runs[uuid]


def _logged(run: Run, cells: list[Any], path: Path, row: int) -> None:
    step, key, value, is_nan, time = cells
    numbers = (step, value, time)
    if not isinstance(key, str) or not all(isinstance(n, int | float) for n in numbers):
        raise InputError("not a metric", file=path, row=row, value=cells)
    if is_nan:
        value = math.nan
    elif abs(value) == _LARGEST_DOUBLE:
        value = math.copysign(math.inf, value)
    run.add(float(step), key, value, time / 1000.0)


def _recognise(path: Path) -> bool:
    if not path.is_dir():
        return path.name.lower().endswith(FORMAT.suffixes)
    # One whole run, or an experiment beside a run without its description.
    metas = [*path.glob(f"*/*/{_META}"), *path.glob(f"*/{_META}")]
    return any(
        (file.parent / "metrics").is_dir() or any(file.parent.glob("*/metrics")) for file in metas
    )


FORMAT = Format(
    name="mlflow",
    meaning="MLflow tracking store: the folder mlruns or the SQLite file mlflow.db",
    seen="mlflow 3.17.2, its own folder and SQLite file (2026-11-30)",
    suffixes=(".db",),
    read=read,
    recognise=_recognise,
    raw=True,
    own_ids=True,
    # Not the artifacts, which may be whole models.
    needs=("*meta.yaml", "*/metrics/*", "*/params/*"),
)
