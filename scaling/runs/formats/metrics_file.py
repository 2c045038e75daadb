"""Metrics of one run as one JSON object: Hugging Face ``all_results.json``, a DVC metrics file.

Formats: `transformers.Trainer.save_metrics` (``all_results.json``, ``eval_results.json``,
``train_results.json``) and what ``dvc metrics show`` reads (`dvclive.Live` writes one): numbers
under names, which may be nested; nested names are joined by points. A number under ``step`` or
``global_step`` is the step of all; without one there is none. The run is called after the file, or
after its folder where the file has a name that every run has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, shorten
from scaling.runs.formats._bytes import bounded, head
from scaling.runs.formats._raw import Run, as_step, flat, frame, from_json
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions, bare_name
from scaling.runs.schema import RUN, by_name

_LARGEST = 16 * 1024**2
# Up to this size a file under any name is looked at.
_LOOK = 1024**2
_NAMES = ("all_results", "eval_results", "train_results", "test_results", "predict_results")
_EVERY_RUN = (*_NAMES, "metrics", "summary", "results", "eval", "scores")
_STEPS = ("step", "global_step")
_OURS = by_name(RUN)


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of the run.

    Raises:
        InputError: not an object with numbers.
    """
    found = from_json(bounded(path, _LARGEST), path)
    if not _is_metrics(found):
        allowed = "an object of numbers: {'eval_loss': 2.31, ...}"
        raise InputError("no metrics", file=path, value=found, allowed=allowed)
    step = next((as_step(found[name]) for name in _STEPS if name in found), None)
    run = Run(_run_name(path))
    for name, value in flat(found):
        if name not in _STEPS or step is None:
            run.add(step, name, value, None, record=1)
    named = [row.metric for row in run.rows if row.value is not None]
    at = "no step" if step is None else f"step {step:g}"
    options.say(f"metrics of one run, {at}: {shorten(named, 200)}")
    return frame([run], path)


def _is_metrics(value: Any) -> bool:
    """Whether it is an object of numbers, and no table of columns or rows."""
    if not isinstance(value, dict) or not value:
        return False
    if all(isinstance(one, dict | list) for one in value.values()) and _is_table(value):
        return False
    leaves = [leaf for _, leaf in flat(value)]
    if any(isinstance(leaf, list) and any(isinstance(o, dict) for o in leaf) for leaf in leaves):
        return False
    return any(isinstance(one, int | float) and not isinstance(one, bool) for one in leaves)


def _is_table(value: dict[str, Any]) -> bool:
    inner = [name for one in value.values() if isinstance(one, dict) for name in one]
    rows = all(name.isdecimal() for name in value) or all(name.isdecimal() for name in inner)
    return rows or any(name in _OURS for name in (*inner, *value))


def _run_name(path: Path) -> str:
    stem = bare_name(path).removesuffix(".json")
    if stem not in _EVERY_RUN:
        return path.name[: len(stem)]
    return path.absolute().parent.name


def _recognise(path: Path) -> bool:
    name = bare_name(path)
    if name.endswith(".metrics.json") or name in {f"{one}.json" for one in _NAMES}:
        return True
    if not name.endswith(".json") or not path.is_file() or path.stat().st_size > _LOOK:
        return False
    try:
        return _is_metrics(json.loads(head(path, _LOOK)))
    except (ValueError, RecursionError):
        return False


FORMAT = Format(
    name="metrics",
    meaning="all_results.json of Hugging Face, or a DVC metrics file",
    seen="dvclive 3.49.1, its own file (2026-11-30); transformers from its source",
    suffixes=(".metrics.json",),
    read=read,
    recognise=_recognise,
    raw=True,
    packed=True,
)
