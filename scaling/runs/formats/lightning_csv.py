"""Lightning ``metrics.csv``: what the CSV logger of PyTorch Lightning writes.

Format: `lightning.pytorch.loggers.CSVLogger`: one line per logging call, with a column for every
metric that was ever logged, so most cells are empty and one step has several lines. ``step`` is a
column; ``hparams.yaml`` beside the file holds the hyperparameters. The run is called after the
file (``NAME.metrics.csv``) or after its folder (``version_0``, after the one above as well). Of a
folder such as ``lightning_logs`` every ``version_*`` is a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, shorten
from scaling.runs.formats._raw import Run, as_step, frame, parsed, without_gaps
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions
from scaling.runs.formats._text_table import header, table
from scaling.runs.formats._yaml import from_yaml

_NAME = "metrics.csv"


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of the run, or of all versions below a folder.

    Raises:
        InputError: not a text table with a column ``step``, a line without step.
    """
    files = _files(path) if path.is_dir() else [path]
    if len(files) > 1:
        options.say(f"each version is a run: {shorten([one.parent.name for one in files], 100)}")
    runs = [_run(file) for file in files]
    without_gaps(runs)
    return frame(runs, path)


def _run(file: Path) -> Run:
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
    return run


def _files(folder: Path) -> list[Path]:
    """The folder's own file, or those of its versions and of the versions one level below."""
    if (folder / _NAME).is_file():
        return [folder / _NAME]
    levels = (f"version_*/{_NAME}", f"*/version_*/{_NAME}")
    return sorted(file for level in levels for file in folder.glob(level) if _recognise(file))


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
        return any(map(_recognise, _files(path)))
    if path.name.lower().endswith(f".{_NAME}"):
        return True
    return path.name.lower() == _NAME and {"step", "epoch"} <= set(header(path))


FORMAT = Format(
    name="lightning",
    meaning="metrics.csv of Lightning's CSV logger, or the folder that holds it",
    seen="pytorch-lightning, its own folder, of a version that was not noted (2026-11-29)",
    suffixes=(".metrics.csv",),
    read=read,
    recognise=_recognise,
    raw=True,
    needs=("*metrics.csv", "*hparams.yaml"),
    beside=("hparams.yaml",),
)
