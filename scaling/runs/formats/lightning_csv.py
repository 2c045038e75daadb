"""Lightning ``metrics.csv``: what the CSV logger of PyTorch Lightning writes.

Format: `lightning.pytorch.loggers.CSVLogger`: one line per logging call, with a column for every
metric that was ever logged, so most cells are empty and one step has several lines. ``step`` is a
column; ``hparams.yaml`` beside the file holds the hyperparameters. The run is called after the
file (``NAME.metrics.csv``) or after its folder (``version_0``, after the one above as well).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats._raw import Run, as_step, frame, parsed, without_gaps
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions
from scaling.runs.formats._text_table import header, table
from scaling.runs.formats._yaml import from_yaml

_NAME = "metrics.csv"


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of the run.

    Raises:
        InputError: not a text table with a column ``step``, a line without step.
    """
    file = path / _NAME if path.is_dir() else path
    lines, cut = table(file)
    run = Run(_run_name(file), truncated=cut)
    run.note("config", _hyperparameters(file.with_name("hparams.yaml")))
    for row, cells in enumerate(lines, start=1):
        step = as_step(parsed(cells.get("step")))
        if step is None:
            value = cells.get("step", "")
            raise InputError("no step", file=file, row=row, value=value, allowed="a number")
        for metric in (name for name in cells if name != "step"):
            run.add(step, metric, parsed(cells[metric]), None, record=row)
    without_gaps([run])
    return frame([run], file)


def _hyperparameters(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    values = from_yaml(file)
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else {}


def _run_name(file: Path) -> str:
    if file.name.lower() != _NAME:
        return file.name[: -len(_NAME) - 1]
    folder = file.absolute().parent
    return (
        f"{folder.parent.name}/{folder.name}" if folder.name.startswith("version_") else folder.name
    )


def _recognise(path: Path) -> bool:
    """A person's own run table may be called metrics.csv too; Lightning's has these columns."""
    if path.is_dir():
        return (path / _NAME).is_file() and _recognise(path / _NAME)
    if path.name.lower().endswith(f".{_NAME}"):
        return True
    return path.name.lower() == _NAME and {"step", "epoch"} <= set(header(path))


FORMAT = Format(
    name="lightning",
    meaning="metrics.csv of Lightning's CSV logger, or the folder that holds it",
    suffixes=(".metrics.csv",),
    read=read,
    recognise=_recognise,
    raw=True,
    needs=(_NAME, "hparams.yaml"),
    beside=("hparams.yaml",),
)
