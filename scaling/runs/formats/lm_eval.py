"""Results of lm-evaluation-harness: ``results_*.json``, or a folder that holds some.

Format: `lm_eval.loggers.EvaluationTracker.save_results_aggregated` (versions 0.4.x; before 0.4 the
filter was not written). ``results`` has for each task values under ``METRIC,FILTER`` and standard
errors under ``METRIC_stderr,FILTER``. Each value is a row of a run table, with its standard error,
the few-shot examples (``shots``), the examples that it is taken over (``evaluated``) and the
version of the task. Its metric is called KIND@TASK/METRIC, with the filter behind it if there is
one; ``origin`` has the version of the harness. The run is called after the model, and its revision
where one was asked for; ``observed`` is the day (UTC) of the evaluation.

Accuracies and exact matches from 0 to 1 are fractions, perplexities and bits per byte are what
they say, and everything else is a score, in no unit that is known here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, counted, shorten
from scaling.runs.formats._bytes import bounded, head
from scaling.runs.formats._raw import as_number, as_text, from_json
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions, bare_name

_LARGEST = 512 * 1024**2
_COLUMNS = {
    **dict.fromkeys(
        ("run", "metric", "metric_kind", "dataset", "task_version", "unit", "origin", "note"),
        pl.String,
    ),
    **dict.fromkeys(("value", "value_se", "shots", "evaluated", "params"), pl.Float64),
    "observed": pl.Date,
}
_ACCURACY = re.compile(r"(?:acc|exact_match|em|pass(?:@|_at_)\d)(?:_(?!stderr).*)?")
_SURE = {
    "word_perplexity": ("perplexity", "perplexity"),
    "byte_perplexity": ("perplexity", "perplexity"),
    "perplexity": ("perplexity", "perplexity"),
    "bits_per_byte": ("bits_per_byte", "bits/byte"),
}
_REVISION = re.compile(r"\brevision=([^,]+)")
# Keys of a task that are no results.
_ABOUT = ("alias", "name", "sample_len", "sample_count", "samples")


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """A row for each value of each task.

    Raises:
        InputError: not such a file, or none in the folder.
    """
    files = [path] if path.is_file() else sorted(filter(_is_results, path.rglob("*.json")))
    rows = [row for file in files for row in _of_file(file, options)]
    if not rows:
        raise InputError("no results of a task", file=path, allowed="numbers under 'results'")
    errors = sum(row["value_se"] is not None for row in rows)
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    options.say(
        f"{counted(len(rows), 'result')} of lm-evaluation-harness, {errors} with a standard error: "
        f"{shorten(metrics, 200)}"
    )
    return pl.DataFrame(rows, schema=_COLUMNS)


def _of_file(file: Path, options: ReadOptions) -> Iterator[dict[str, Any]]:
    found = from_json(bounded(file, _LARGEST), file)
    if not isinstance(found, dict) or not isinstance(found.get("results"), dict):
        raise InputError("not such results", file=file, allowed="an object with 'results'")
    about = _about(found)
    left: list[str] = []
    for task, values in found["results"].items():
        if not isinstance(values, dict):
            raise InputError("not the results of a task", file=file, column=task, value=values)
        for key, value in values.items():
            metric, _, kept = key.partition(",")
            if metric in _ABOUT or metric.endswith("_stderr"):
                continue
            number = as_number(value)
            if number is None:
                left += [f"{task}/{key}"] * bool(str(value).strip())
                continue
            error = as_number(values.get(f"{metric}_stderr" + (f",{kept}" if kept else "")))
            yield about | _row(found, task, metric, kept, number, error)
    if left:
        options.say(f"{file.name}: {counted(len(left), 'value')} no numbers: {shorten(left, 100)}")


def _about(found: dict[str, Any]) -> dict[str, Any]:
    """What holds for every result of the file."""
    config = _object(found.get("config"))
    arguments = config.get("model_args")
    listed = (
        ",".join(f"{k}={v}" for k, v in arguments.items())
        if isinstance(arguments, dict)
        else str(arguments or "")
    )
    name = found.get("model_name") or config.get("model") or "model"
    revision = _REVISION.search(listed)
    day = as_number(found.get("date"))
    return {
        "run": as_text(name) + (f"@{revision[1]}" if revision else ""),
        "observed": _day(day),
        "params": as_number(config.get("model_num_parameters")),
        "origin": f"lm-evaluation-harness {found.get('lm_eval_version', '(no version)')}",
    }


def _row(
    found: dict[str, Any], task: str, metric: str, kept: str, value: float, error: float | None
) -> dict[str, Any]:
    kind, unit = _SURE.get(metric, ("score", "score"))
    if _ACCURACY.fullmatch(metric) and 0.0 <= value <= 1.0:
        kind, unit = "accuracy", "fraction"
    samples = _object(found.get("n-samples")).get(task)
    many = _object(samples).get("effective", samples)
    version = _object(found.get("versions")).get(task)
    finite = error is not None and math.isfinite(error)
    return {
        "metric": f"{kind}@{task}/{metric}" + (f"/{kept}" if kept not in ("", "none") else ""),
        "metric_kind": kind,
        "dataset": task,
        "unit": unit,
        "value": value,
        "value_se": error if finite else None,
        "shots": as_number(_object(found.get("n-shot")).get(task)),
        "evaluated": as_number(many),
        "task_version": None if version in (None, "") else as_text(version),
        "note": f"filter {kept}" if kept else None,
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _day(seconds: float | None) -> Any:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None


def _is_results(file: Path) -> bool:
    """Whether a JSON file starts as these results do."""
    return file.is_file() and re.match(r'\s*\{\s*"results"\s*:\s*\{', head(file)) is not None


def _recognise(path: Path) -> bool:
    if path.is_dir():
        found = (file for level in ("", "*/", "*/*/") for file in path.glob(f"{level}*.json"))
        return any(map(_is_results, found))
    return bare_name(path).endswith((".results.json",)) or (
        bare_name(path).endswith(".json") and _is_results(path)
    )


FORMAT = Format(
    name="lm-eval",
    meaning="results of lm-evaluation-harness, or a folder of them",
    seen="lm_eval 0.4.13, its own file (2026-11-30); before 0.4 from its public description",
    suffixes=(".results.json",),
    read=read,
    recognise=_recognise,
    needs=("*.json",),
    packed=True,
)
