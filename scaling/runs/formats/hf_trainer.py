"""Hugging Face ``trainer_state.json``: the history that ``transformers.Trainer`` saves.

Format: `transformers.TrainerState.save_to_json`. ``log_history`` is a list of objects; each has
``step`` and whatever was logged then. ``global_step`` is the trainer's own last step, and the run
has ended when that is ``max_steps`` (in files without it, when ``epoch`` is ``num_train_epochs``).
The file names no run: it is called after the file (``NAME.trainer_state.json``) or after its folder
(``checkpoint-*`` folders after theirs). Of a folder that holds only ``checkpoint-*`` folders, the
one of the last step is read: its history has that of the others.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, counted
from scaling.runs.formats._bytes import bounded
from scaling.runs.formats._raw import (
    Run,
    as_name,
    as_number,
    as_step,
    frame,
    from_json,
)
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions

_NAME = "trainer_state.json"
_STEP = re.compile(r"checkpoint-(\d{1,15})")
_LARGEST = 512 * 1024**2


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of the run.

    Raises:
        InputError: not a trainer state, or a cut one (JSON cannot be read in part).
    """
    file = _state_file(path, options) if path.is_dir() else path
    state = from_json(bounded(file, _LARGEST), file)
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise InputError("not a trainer state", file=file, allowed="an object with 'log_history'")
    run = Run(_run_name(file), expected_last_step=as_number(state.get("global_step")))
    run.status, run.ended = _progress(state)
    run.note("config", {key: value for key, value in state.items() if key != "log_history"})
    for row, entry in enumerate(state["log_history"], start=1):
        _add(run, entry, file, row)
    return frame([run], file)


def _checkpoints(folder: Path) -> list[Path]:
    """The states of the folder's checkpoints, in the order of their steps."""
    files = folder.glob(f"checkpoint-*/{_NAME}")
    found = [(_STEP.fullmatch(file.parent.name), file) for file in files]
    return [file for _, file in sorted((int(step[1]), file) for step, file in found if step)]


def _state_file(folder: Path, options: ReadOptions) -> Path:
    """The state of the folder itself, or of its last checkpoint."""
    if (folder / _NAME).is_file():
        return folder / _NAME
    *others, last = _checkpoints(folder)
    known = _entries(last)
    for one in others:
        lost = len(_entries(one) - known)
        why = f"{counted(lost, 'entry')} that it lacks" if lost else "it has all of that"
        why = why.replace("entrys", "entries")
        options.say(f"{last.parent.name} is read, {one.parent.name} is not ({why})")
    return last


def _entries(file: Path) -> set[str]:
    state = from_json(bounded(file, _LARGEST), file)
    history = state.get("log_history") if isinstance(state, dict) else None
    return {json.dumps(entry) for entry in history or ()}


def _add(run: Run, entry: Any, file: Path, row: int) -> None:
    """One logging call; its place in the list is the row that errors name."""
    step = as_step(entry.get("step")) if isinstance(entry, dict) else None
    if step is None:
        allowed = "an object with a number 'step'"
        raise InputError(
            "a log entry without step", file=file, row=row, value=entry, allowed=allowed
        )
    for metric, value in entry.items():
        if metric != "step":
            run.add(step, metric, value, None, record=row)


def _progress(state: dict[str, Any]) -> tuple[str | None, bool | None]:
    """How far the run is, in words, and whether that is its end; None where it does not say."""
    for done, planned in (("global_step", "max_steps"), ("epoch", "num_train_epochs")):
        at, end = as_number(state.get(done)), as_number(state.get(planned))
        if at is not None and end is not None and end > 0:
            return f"{done} {as_name(at)}, {planned} {as_name(end)}", at >= end
    return None, None


def _run_name(file: Path) -> str:
    if file.name.lower() != _NAME:
        return file.name[: -len(_NAME) - 1]
    folder = file.absolute().parent
    return (folder.parent if folder.name.startswith("checkpoint-") else folder).name


def _recognise(path: Path) -> bool:
    name = path.name.lower()
    return name == _NAME or name.endswith(f".{_NAME}") or _holds(path)


def _holds(path: Path) -> bool:
    return path.is_dir() and ((path / _NAME).is_file() or bool(_checkpoints(path)))


FORMAT = Format(
    name="hf-trainer",
    meaning="trainer_state.json of Hugging Face transformers, or the folder that holds it",
    seen="transformers 5.24.0, its own file (2026-11-30)",
    suffixes=(".trainer_state.json",),
    read=read,
    recognise=_recognise,
    raw=True,
    needs=(_NAME, f"checkpoint-*/{_NAME}"),
)
