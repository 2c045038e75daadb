"""The file that a pull from MLflow writes: its own tables in SQLite, as MLflow's readers know them.

One transaction a run: a kill leaves all of a run or nothing of it, and the same pull goes on with
the next. What was pulled before is what these files hold; ``pulled`` names the server of each.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scaling.errors import InputError

_TABLES = """
CREATE TABLE IF NOT EXISTS pulled (server TEXT, experiment_id TEXT, UNIQUE (server, experiment_id));
CREATE TABLE IF NOT EXISTS experiments
    (experiment_id TEXT PRIMARY KEY, name TEXT, lifecycle_stage TEXT);
CREATE TABLE IF NOT EXISTS runs
    (run_uuid TEXT PRIMARY KEY, name TEXT, experiment_id TEXT, status TEXT, lifecycle_stage TEXT,
     start_time INTEGER, end_time INTEGER);
CREATE TABLE IF NOT EXISTS metrics
    (run_uuid TEXT, key TEXT, value REAL, is_nan INTEGER, timestamp INTEGER, step INTEGER);
CREATE INDEX IF NOT EXISTS metrics_of_run ON metrics (run_uuid);
CREATE TABLE IF NOT EXISTS latest_metrics
    (run_uuid TEXT, key TEXT, value REAL, is_nan INTEGER, timestamp INTEGER, step INTEGER);
CREATE INDEX IF NOT EXISTS latest_of_run ON latest_metrics (run_uuid);
CREATE TABLE IF NOT EXISTS params (run_uuid TEXT, key TEXT, value TEXT);
CREATE INDEX IF NOT EXISTS params_of_run ON params (run_uuid);
"""
_LARGEST_DOUBLE = 1.7976931348623157e308


class Point(NamedTuple):
    """A value of a metric: milliseconds since 1970, and the step."""

    key: str
    value: float
    timestamp: int
    step: int


class _Cells(NamedTuple):
    key: str
    value: float
    is_nan: int
    timestamp: int
    step: int


@dataclass(frozen=True)
class Facts:
    """What a search says of a run; a run that was pulled with the same facts is not pulled again.

    ``latest`` has the last point of each metric, as `_cells` writes it.
    """

    status: str | None
    lifecycle_stage: str | None
    end_time: int | None
    params: frozenset[tuple[str, str]]
    latest: frozenset[_Cells]


@dataclass
class ServerRun:
    """A run as a search finds it."""

    run_id: str
    name: str | None
    status: str | None
    lifecycle_stage: str | None
    start_time: int | None
    end_time: int | None
    params: list[tuple[str, str]] = field(default_factory=list)
    latest: list[Point] = field(default_factory=list)

    @property
    def deleted(self) -> bool:
        return self.lifecycle_stage == "deleted"

    @property
    def facts(self) -> Facts:
        latest = frozenset(map(_cells, self.latest))
        params = frozenset(self.params)
        return Facts(self.status, self.lifecycle_stage, self.end_time, params, latest)


@dataclass(frozen=True)
class Experiment:
    """An experiment, and the address of its server."""

    server: str
    experiment_id: str
    name: str
    lifecycle_stage: str


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The file, open for writing, with its tables.

    Raises:
        InputError: a file that no pull wrote.
    """
    if file.exists() and file.stat().st_size and not is_pulled(file):
        hint = "Name a new file; a file that a pull wrote is gone on with."
        raise InputError("is there, and no pull from MLflow wrote it", file=file, hint=hint)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.executescript(_TABLES)
            yield database
    except sqlite3.Error as error:
        raise InputError(f"cannot be written: {error}", file=file) from None


def is_pulled(file: Path) -> bool:
    """Whether a pull from MLflow wrote this file."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as database:
            found = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'pulled'")
            return found.fetchone() is not None
    except sqlite3.Error:
        return False


def remembered(file: Path, experiment: Experiment) -> dict[str, Facts]:
    """The runs of an experiment that a file has, by id."""
    where = "WHERE run_uuid IN (SELECT run_uuid FROM runs WHERE experiment_id = ?)"
    its = (experiment.experiment_id,)
    with closing(sqlite3.connect(file)) as database:
        here = "SELECT 1 FROM pulled WHERE server = ? AND experiment_id = ?"
        if database.execute(here, (experiment.server, *its)).fetchone() is None:
            return {}
        params: dict[str, set[tuple[str, str]]] = {}
        latest: dict[str, set[_Cells]] = {}
        query = f"SELECT run_uuid, key, value FROM params {where}"  # noqa: S608 (our own words)
        for run, key, value in database.execute(query, its):
            params.setdefault(run, set()).add((key, value))
        cells = "key, value, is_nan, timestamp, step"
        query = f"SELECT run_uuid, {cells} FROM latest_metrics {where}"  # noqa: S608
        for run, *last in database.execute(query, its):
            latest.setdefault(run, set()).add(_Cells(*last))
        query = "SELECT run_uuid, status, lifecycle_stage, end_time FROM runs"
        return {
            run: Facts(
                status, stage, end, frozenset(params.get(run, ())), frozenset(latest.get(run, ()))
            )
            for run, status, stage, end in database.execute(f"{query} {where}", its)
        }


def keep(
    database: sqlite3.Connection, experiment: Experiment, run: ServerRun, points: list[Point]
) -> None:
    """Put a run in the place of what the file had of it: all of it, or nothing."""
    given = (experiment.experiment_id, experiment.name, experiment.lifecycle_stage)
    row = (run.run_id, run.name, experiment.experiment_id, run.status, run.lifecycle_stage)
    with _transaction(database):
        database.execute(
            "INSERT OR IGNORE INTO pulled VALUES (?, ?)",
            (experiment.server, experiment.experiment_id),
        )
        database.execute("INSERT OR REPLACE INTO experiments VALUES (?, ?, ?)", given)
        for table in ("metrics", "latest_metrics", "params"):
            database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (run.run_id,))  # noqa: S608
        database.execute(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, run.start_time, run.end_time),
        )
        for table, some in (("metrics", points), ("latest_metrics", run.latest)):
            database.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
                ((run.run_id, *_cells(one)) for one in some),
            )
        params = ((run.run_id, *one) for one in run.params)
        database.executemany("INSERT INTO params VALUES (?, ?, ?)", params)


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _cells(point: Point) -> _Cells:
    """The point as MLflow's own tables have it."""
    nan = math.isnan(point.value)
    value = 0.0 if nan else point.value
    if math.isinf(value):
        value = math.copysign(_LARGEST_DOUBLE, value)
    return _Cells(point.key, value, int(nan), point.timestamp, point.step)
