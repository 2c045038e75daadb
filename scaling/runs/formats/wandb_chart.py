"""Weights & Biases charts that were exported from the web page as CSV.

Format, as exports have it: first the x axis (``Step``, or another metric), then for each run
``RUN - METRIC``, ``RUN - METRIC__MIN`` and ``RUN - METRIC__MAX``, often with ``RUN - _step`` (and
its two) before them. A run's own ``_step`` is its step, or else the x axis if that is ``Step``.
Another x axis (tokens, a time) is a metric here, beside the values of its line.

A chart may show a sample, or one mean for many steps or for a group of runs, and does not say so:
where ``__MIN`` and ``__MAX`` (metrics of their own here) are apart, the value is a mean, and its
``defect`` says so. It knows no last step, no order in time, and runs only by the name that they
were shown under.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats._raw import Run, as_number, as_step, frame, parsed
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions
from scaling.runs.formats._text_table import header, table

_AXIS, _OWN = "Step", "_step"
_BETWEEN = " - "
_END = ".chart.csv"
_ENDS = ("__MIN", "__MAX")
MEAN = "mean_of_several"


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of the runs in the chart.

    Raises:
        InputError: not such a table, or a step that is no number.
    """
    lines, cut = table(path)
    axis = next(iter(header(path)), _AXIS)
    runs: dict[str, Run] = {}
    for row, cells in enumerate(lines, start=1):
        for name, values in _by_run(cells).items():
            run = runs.setdefault(name, Run(name, run_name=name, truncated=cut))
            step = _step(cells, values, path, row)
            if axis != _AXIS:
                run.add(step, axis, parsed(cells.get(axis)), None, record=row)
            for metric, cell in values.items():
                if metric.removesuffix("__MIN").removesuffix("__MAX") != _OWN:
                    mean = MEAN if _is_mean(metric, values) else None
                    run.add(step, metric, parsed(cell), None, record=row, defect=mean)
    return frame(runs.values(), path)


def _by_run(cells: dict[str, str]) -> dict[str, dict[str, str]]:
    """The filled cells of a line by run and metric."""
    found: dict[str, dict[str, str]] = {}
    for column, cell in cells.items():
        run, between, metric = column.rpartition(_BETWEEN)
        if between:
            found.setdefault(run, {})[metric] = cell
    return found


def _is_mean(metric: str, values: dict[str, str]) -> bool:
    lowest, highest = (as_number(parsed(values.get(f"{metric}{end}"))) for end in _ENDS)
    return lowest is not None and highest is not None and lowest < highest


def _step(cells: dict[str, str], values: dict[str, str], path: Path, row: int) -> float | None:
    """The run's own step, or the x axis if that is the step."""
    own = values.get(_OWN, cells.get(_AXIS))
    step = as_step(parsed(own))
    if own is not None and step is None:
        raise InputError("no step", file=path, row=row, value=own, allowed="a number")
    return step


def _recognise(path: Path) -> bool:
    """By name, or by its columns: an x axis, and runs' metrics with lowest and highest values."""
    if path.name.lower().endswith(_END):
        return True
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    first, *others = header(path) or [""]
    kept = [name for name in others if _BETWEEN in name and not name.endswith(_ENDS)]
    ends = {f"{name}{end}" for name in kept for end in _ENDS}
    return bool(kept) and _BETWEEN not in first and set(others) == {*kept, *ends}


FORMAT = Format(
    name="wandb-chart",
    meaning="Weights & Biases chart, exported from the web page as CSV",
    seen="its public description; no file of the service (2026-11-29)",
    suffixes=(_END,),
    read=read,
    recognise=_recognise,
    raw=True,
    ordered=False,
)
