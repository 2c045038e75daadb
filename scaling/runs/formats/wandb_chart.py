"""Weights & Biases charts that were exported from the web page as CSV.

Format, as exports have it: first the x axis (``Step``, or another metric), then for each run
``RUN - METRIC``, ``RUN - METRIC__MIN`` and ``RUN - METRIC__MAX``, often with ``RUN - _step`` (and
its two) before them. A run's own ``_step`` is its step; without it the x axis must be ``Step``.

A chart may show a sample, or one mean for many steps, and does not say so: where ``__MIN`` and
``__MAX`` (metrics of their own here) differ from the value, it is a mean. It knows no last step,
and runs only by the name that they were shown under.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats._raw import Run, as_step, frame, parsed
from scaling.runs.formats._source import Format
from scaling.runs.formats._text_table import header, table

_AXIS, _OWN = "Step", "_step"
_BETWEEN = " - "
_END = ".chart.csv"
_ENDS = ("__MIN", "__MAX")


def read(path: Path) -> pl.DataFrame:
    """The raw frame of the runs in the chart.

    Raises:
        InputError: not such a table, or a value without a step.
    """
    lines, cut = table(path)
    runs: dict[str, Run] = {}
    for row, cells in enumerate(lines, start=1):
        for column, cell in cells.items():
            run, between, metric = column.rpartition(_BETWEEN)
            if not between or metric.removesuffix("__MIN").removesuffix("__MAX") == _OWN:
                continue
            step = _step(cells, run, path, row)
            runs.setdefault(run, Run(run, run_name=run, truncated=cut)).add(
                step, metric, parsed(cell), None
            )
    return frame(runs.values(), path)


def _step(cells: dict[str, str], run: str, path: Path, row: int) -> float:
    """The run's own step, or the x axis if that is the step."""
    own = cells.get(f"{run}{_BETWEEN}{_OWN}", cells.get(_AXIS))
    step = as_step(parsed(own))
    if step is None:
        hint = f"Export the chart with {_AXIS} as its x axis."
        allowed = "a number"
        raise InputError("no step", file=path, row=row, value=own, allowed=allowed, hint=hint)
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
    suffixes=(_END,),
    read=read,
    recognise=_recognise,
    raw=True,
)
