"""Runs of an experiment of an MLflow tracking server, over its REST API (version 2.0).

All pages of the search (runs that are deleted, too) and all pages of each metric's history are
read; `GetMetricHistory` gives every value, with every repeat of a step. The server keeps no count
of values, so a history is checked against the last point that the search names. MLflow's own
client is not needed. A server over a folder (``file:``) does not page; it answers all at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scaling.errors import InputError, nearest, shorten
from scaling.io.progress import steps
from scaling.runs.servers import _mlflow_file as store
from scaling.runs.servers._mlflow_file import Experiment, Facts, Point, ServerRun
from scaling.runs.servers._pulled import Pulled
from scaling.runs.servers._rest import Refused, Rest, authorization

_API = "api/2.0/mlflow"
# The largest pages that MLflow 3.17 gives.
_RUNS, _POINTS = 1000, 25_000
# Requests at a time; a server of MLflow has four workers by default.
_AT_ONCE = 8
_INT64 = range(-(2**63), 2**63)


def pull(
    uri: str,
    name: str,
    file: Path,
    known: Sequence[Path] = (),
    *,
    dry_run: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> Pulled:
    """Write the runs of an experiment that are new or changed into an SQLite file of MLflow's form.

    Args:
        uri: address of the server, http or https.
        name: the experiment's name.
        file: where to; a file of an earlier pull is gone on with.
        known: files of earlier pulls, the oldest first, whose runs are not pulled again.
        dry_run: only say what would be pulled.
        environment: has the token, or name and password, under MLflow's own names.

    Raises:
        InputError: no server's address, no such experiment, no access, or an answer that is not
            whole. Runs that were written before stay.
    """
    refuse_other_stores(uri)
    server = Rest(uri, authorization(environment))
    experiment = _experiment(server, name)
    runs = list(_search(server, experiment))
    before = _remembered(experiment, [*known, file])
    found = Pulled(f"{server.address}, experiment {name!r}", remarks=server.remarks)
    todo = _chosen(runs, before, found)
    found.remarks += _gone(runs, before)
    found.taken = [run.run_id for run in todo]
    if todo and not dry_run:
        for run, points in _histories(server, todo):
            # Not before there is a run: a file without one is no store.
            with store.opened(file) as database:
                store.keep(database, experiment, run, points)
            found.values += len(points)
    return found


def refuse_other_stores(uri: str) -> None:
    """Raise InputError for a tracking URI that is no server's, with what reads it."""
    scheme = urlsplit(uri).scheme
    if scheme in ("http", "https"):
        return
    if scheme in ("", "file", "sqlite"):
        hint = "A folder mlruns or a file mlflow.db needs no server: scaling add PATH --as NAME."
    else:
        hint = f"Start one over it, mlflow server --backend-store-uri {scheme}:..., and pull there."
    allowed = "http://HOST[:PORT] or https://..."
    # What is behind the scheme may hold a password.
    raise InputError("not a server", value=f"{scheme or uri}:", allowed=allowed, hint=hint)


def _experiment(server: Rest, name: str) -> Experiment:
    try:
        answer = server.get(f"{_API}/experiments/get-by-name", experiment_name=name)
    except Refused as error:
        if "RESOURCE_DOES_NOT_EXIST" not in error.problem:
            raise
        raise _no_experiment(server, name) from None
    with _whole(server, answer):
        one = answer["experiment"]
        stage = str(one.get("lifecycle_stage", "active"))
        return Experiment(server.address, str(one["experiment_id"]), str(one["name"]), stage)


def _no_experiment(server: Rest, name: str) -> InputError:
    answer = server.post(f"{_API}/experiments/search", {"max_results": _RUNS})
    with _whole(server, answer):
        names = [str(one["name"]) for one in answer.get("experiments", [])]
    hint, allowed = nearest(name, names), shorten(names, 400)
    where = server.address
    return InputError("no such experiment", file=where, value=name, allowed=allowed, hint=hint)


def _search(server: Rest, experiment: Experiment) -> Iterator[ServerRun]:
    """Every run, each once, the oldest first: one that starts meanwhile comes on the last page."""
    body = {
        "experiment_ids": [experiment.experiment_id],
        "run_view_type": "ALL",
        "max_results": _RUNS,
        "order_by": ["attributes.start_time ASC"],
    }
    seen = set[str]()
    for page in _pages(server, lambda token: server.post(f"{_API}/runs/search", body | token)):
        with _whole(server, page):
            runs = [_run(one) for one in page.get("runs", [])]
        for run in runs:
            if run.run_id not in seen:
                seen.add(run.run_id)
                yield run


def _pages(server: Rest, ask: Any) -> Iterator[dict[str, Any]]:
    """All pages: the server names the next one until there is none."""
    token, seen = "", set[str]()
    while True:
        page = ask({"page_token": token} if token else {})
        yield page
        token = str(page.get("next_page_token") or "")
        if not token:
            return
        if token in seen:
            raise InputError("pages without end", file=server.address, value=token)
        seen.add(token)


def _run(given: Mapping[str, Any]) -> ServerRun:
    info, data = given["info"], given.get("data", {})
    tags = {one["key"]: one.get("value") for one in data.get("tags", [])}
    name = info.get("run_name") or tags.get("mlflow.runName")
    return ServerRun(
        str(info.get("run_id") or info["run_uuid"]),
        None if name is None else str(name),
        _text(info.get("status")),
        _text(info.get("lifecycle_stage")),
        _time(info.get("start_time")),
        _time(info.get("end_time")),
        [(str(one["key"]), str(one.get("value", ""))) for one in data.get("params", [])],
        [_point(one) for one in data.get("metrics", [])],
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _time(value: Any) -> int | None:
    return None if value is None else _whole_number(value)


def _whole_number(value: Any) -> int:
    number = int(value)
    if number not in _INT64:
        raise ValueError(f"{number} is no 64-bit number")
    return number


def _point(given: Mapping[str, Any]) -> Point:
    """A metric; NaN and infinities may come as words, and what is 0 may be left out."""
    value, time, step = (given.get(name, 0) for name in ("value", "timestamp", "step"))
    return Point(str(given["key"]), float(value), _whole_number(time), _whole_number(step))


def _remembered(experiment: Experiment, files: Sequence[Path]) -> dict[str, Facts]:
    """The runs that earlier pulls took, as the last of them found them."""
    found: dict[str, Facts] = {}
    for file in files:
        if file.is_file() and store.is_pulled(file):
            found |= store.remembered(file, experiment)
    return found


def _chosen(runs: list[ServerRun], before: Mapping[str, Facts], found: Pulled) -> list[ServerRun]:
    """The runs to pull; counts and names the others."""
    chosen = []
    for run in runs:
        called = f"run {run.run_id!r}" + (f" ({shorten(run.name)})" if run.name else "")
        if run.deleted:
            kept = "; what was pulled of it stays" * (run.run_id in before)
            found.left_out.append(f"{called}: deleted on the server{kept}")
        elif not run.latest:
            found.left_out.append(f"{called}: no value was logged, {run.status}")
        elif before.get(run.run_id) == run.facts:
            found.unchanged += 1
        else:
            chosen.append(run)
            if run.status in ("RUNNING", "SCHEDULED"):
                as_far = "pulled as far as it is, and again when it has gone on"
                found.remarks.append(f"{called}: {run.status}; {as_far}")
    return chosen


def _gone(runs: list[ServerRun], before: Mapping[str, Facts]) -> list[str]:
    gone = sorted(before.keys() - {run.run_id for run in runs})
    return [f"run {one!r}: no longer on the server; what was pulled of it stays" for one in gone]


def _histories(server: Rest, runs: list[ServerRun]) -> Iterator[tuple[ServerRun, list[Point]]]:
    """Each run with every value of it, some runs at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        groups = [runs[at : at + _AT_ONCE] for at in range(0, len(runs), _AT_ONCE)]
        for group in steps(groups):
            yield from zip(group, pool.map(lambda run: _history(server, run), group), strict=True)


def _history(server: Rest, run: ServerRun) -> list[Point]:
    return [point for last in run.latest for point in _values(server, run, last)]


def _values(server: Rest, run: ServerRun, last: Point) -> list[Point]:
    """All values of a metric, which has to have the point that the search named as its last.

    Raises:
        InputError: it has not, or a value came twice, since pages moved while they were read.
    """
    asked: dict[str, str | int] = {
        "run_id": run.run_id,
        "metric_key": last.key,
        "max_results": _POINTS,
    }
    found: list[Point] = []
    number = 0
    path = f"{_API}/metrics/get-history"
    for page in _pages(server, lambda token: server.get(path, **asked, **token)):
        with _whole(server, page):
            found += [_point(one) for one in page.get("metrics", [])]
        number += 1
    problem = None
    if not any((one.timestamp, one.step) == last[2:] for one in found):
        problem = "a history without its last value"
    elif number > 1 and len(set(found)) < len(found):
        problem = "a history that changed while it was read"
    if problem:
        metric = f"{run.run_id} {last.key} step {last.step}"
        hint = "Pull again: runs that are whole are not asked for again."
        raise InputError(problem, file=server.address, value=metric, hint=hint)
    return found


@contextmanager
def _whole(server: Rest, answer: Any) -> Iterator[None]:
    """Raises InputError where an answer lacks what MLflow's API says it has."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        why = f"{type(error).__name__}: {error}"
        hint = "Is it an MLflow server? Its API is below the address that was given."
        raise InputError(
            f"not an answer of MLflow ({shorten(why)})",
            file=server.address,
            value=shorten(answer, 200),
            hint=hint,
        ) from None
