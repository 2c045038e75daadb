"""Runs of a Weights & Biases project, by the library's own bulk export of histories.

`wandb.apis.public.Run.download_history_exports` with ``require_complete_history``: Parquet files
of every row, or an error; `Run.history` would be a sample. What comes is compared with what the
service says of the run: its lines (``historyLineCount``), its last step and the values of each
metric (``historyKeys``). A run is taken whole or the pull fails. Runs that have not ended have no
whole export and are left out until they have. Written against the library's code, version 0.31.0;
not seen against the service.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scaling.errors import InputError, shorten
from scaling.io import atomic
from scaling.io.progress import steps
from scaling.runs.formats import _arrow
from scaling.runs.formats.wandb_history import LAST_STEP, LINES, PROJECT, STATE
from scaling.runs.servers._pulled import Pulled

_CLOCK = {"_step", "_timestamp"}
_ENDED = ("finished", "crashed", "failed", "killed")
# What a run says of its end: state, last step and lines.
Facts = tuple[str, int, int]


def pull(path: str, file: Path, known: Sequence[Path] = (), *, dry_run: bool = False) -> Pulled:
    """Write the ended runs of a project that are new or changed as JSON lines, a line a row.

    Args:
        path: ENTITY/PROJECT.
        file: where to; the runs that it has and that are not pulled again stay.
        known: files of earlier pulls, the oldest first, whose runs are not pulled again.
        dry_run: only say what would be pulled.

    Raises:
        InputError: not ENTITY/PROJECT, no access, or a history that is not whole; the file is as it
            was then.
        ModuleNotFoundError: the extra ``wandb`` is not installed.
    """
    import wandb

    if path.count("/") != 1 or not all(path.split("/")):
        raise InputError("not a project", value=path, allowed="ENTITY/PROJECT")
    before = remembered(path, [*known, file])
    found = Pulled(f"Weights & Biases, {path}")
    with _explained(path, (wandb.Error, ValueError, OSError)):
        # In full: with the configuration, and what is said of the history.
        runs = list(wandb.Api().runs(path, order="+created_at", lazy=False))
        todo = chosen(runs, before, found)
        if todo and not dry_run:
            with _rewritten(file, {run.id for run in todo}) as write:
                for run in steps(todo):
                    rows = _exported(run)
                    write([{**_said(run, path), **rows[0]}, *rows[1:]], run.id)
                    found.values += sum(len(row.keys() - _CLOCK) for row in rows)
    return found


def chosen(runs: Sequence[Any], before: Mapping[str, Facts], found: Pulled) -> list[Any]:
    """The runs to pull; counts and names the others."""
    todo = []
    for run in runs:
        called = f"run {run.id!r} ({shorten(run.name)})"
        if run.state not in _ENDED:
            found.left_out.append(f"{called}: {run.state}; pulled once it has ended")
        elif facts(run)[1:] == (-1, 0):
            found.left_out.append(f"{called}: no value was logged, {run.state}")
        elif before.get(run.id) == facts(run):
            found.unchanged += 1
        else:
            todo.append(run)
    found.taken = [run.id for run in todo]
    gone = sorted(before.keys() - {run.id for run in runs})
    found.remarks += [
        f"run {one!r}: no longer on the server; what was pulled of it stays" for one in gone
    ]
    return todo


def facts(run: Any) -> Facts:
    """What the service says of a run and its history; -1 for no step."""
    keys = run.history_keys or {}
    return str(run.state), int(keys.get("lastStep", -1)), int(run.history_line_count or 0)


def history(run: Any, result: Any) -> list[dict[str, Any]]:
    """The rows of a run's exported files, without cells that are empty.

    Raises:
        InputError: files that did not come, or fewer rows, steps or values than the service counts.
    """
    if result.errors:
        failed = {Path(name).name: why for name, why in result.errors.items()}
        raise InputError(f"run {run.id!r}: files of its history did not come", value=failed)
    if result.contains_live_data:
        raise InputError(f"run {run.id!r}: part of its history is not exported yet")
    tables = [_arrow.table(Path(file)) for file in result.paths]
    rows = [
        {name: cell for name, cell in row.items() if cell is not None}
        for table in tables
        for row in table.iter_rows(named=True)
    ]
    _check(run, rows)
    return rows


def _check(run: Any, rows: list[dict[str, Any]]) -> None:
    _, last, lines = facts(run)
    reached = max((row["_step"] for row in rows if "_step" in row), default=-1)
    problem = None
    if len(rows) < lines:
        problem = f"{len(rows)} of {lines} rows of its history came"
    elif reached < last:
        problem = f"its history ends at step {reached} of {last}"
    for name, said in (run.history_keys or {}).get("keys", {}).items():
        many = sum(one.get("count", 0) for one in said.get("typeCounts", []))
        have = sum(name in row for row in rows)
        if problem is None and "." not in name and have < many:
            problem = f"{have} of {many} values of {name!r} came"
    if problem is None and not rows:
        problem = "no row of its history came"
    if problem is not None:
        raise InputError(f"run {run.id!r}: {problem}", hint="Nothing was written. Pull again.")


def _exported(run: Any) -> list[dict[str, Any]]:
    from wandb.apis.public.runhistory import IncompleteRunHistoryError

    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        try:
            result = run.download_history_exports(folder, require_complete_history=True)
        except IncompleteRunHistoryError:
            hint = "Its service writes exports some time after a run has ended. Pull again."
            problem = f"run {run.id!r}: its history is not exported in full"
            raise InputError(problem, hint=hint) from None
        return history(run, result)


def _said(run: Any, path: str) -> dict[str, Any]:
    """What holds for the whole run, for its first row."""
    state, last, lines = facts(run)
    said = {"run_name": run.name, PROJECT: path, STATE: state, LAST_STEP: last, LINES: lines}
    return said | {f"config.{name}": value for name, value in run.config.items()}


def remembered(path: str, files: Sequence[Path]) -> dict[str, Facts]:
    """The runs of a project that files have, as the last of them says."""
    found: dict[str, Facts] = {}
    for file in files:
        for line in _stored(file):
            if STATE in line:
                row = json.loads(line)
                if row.get(PROJECT) == path:
                    found[row["run_id"]] = (row[STATE], row[LAST_STEP], row[LINES])
    return found


def _stored(file: Path) -> Iterator[str]:
    if file.is_file():
        with file.open(encoding="utf-8") as lines:
            yield from lines


@contextmanager
def _rewritten(file: Path, again: set[str]) -> Iterator[Any]:
    """The file with the rows of other runs as they were, and more; all or nothing."""
    with atomic.new_file(file) as beside, beside.open("w", encoding="utf-8") as out:
        for line in _stored(file):
            if json.loads(line).get("run_id") not in again:
                out.write(line)

        def write(rows: list[dict[str, Any]], run: str) -> None:
            texts = (json.dumps({"run_id": run, **row}, default=str) for row in rows)
            out.writelines(f"{text}\n" for text in texts)

        yield write


@contextmanager
def _explained(path: str, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    """The library's errors as ones to act on."""
    try:
        yield
    except InputError as error:
        raise error if error.file else error.about(path) from None
    except kinds as error:
        hint = "`wandb login` or WANDB_API_KEY gives access; is the project's name right?"
        said = shorten(str(error), 300)
        raise InputError(f"Weights & Biases says: {said}", file=path, hint=hint) from None
