"""What TensorBoard's page downloads: one metric of one run as CSV or JSON, or a folder of such.

Format: the scalars plugin (`tensorboard.plugins.scalar.scalars_plugin`): lines of ``Wall
time,Step,Value`` or arrays ``[wall time, step, value]``. The files are called
``run-RUN-tag-TAG.csv``, which names run and metric; under any other name the file gives the run
and the metric is ``value``. Files of a folder with one run are put together. A page that shows
many points may have downloaded a sample of 1,000 (``--samples_per_plugin``), and cannot tell.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats._bytes import bounded, head
from scaling.runs.formats._raw import (
    Run,
    as_number,
    as_step,
    by_metric,
    by_time,
    frame,
    from_json,
    parsed,
)
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions
from scaling.runs.formats._text_table import header, table

_COLUMNS = ["Wall time", "Step", "Value"]
_NAME = re.compile(r"run-(?P<run>.*?)-tag-(?P<tag>.*)", re.DOTALL)
_END = ".tb.csv"
# The number of points that TensorBoard keeps of a metric unless it is told another.
_SAMPLE = 1000


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of the runs.

    Raises:
        InputError: not such a file, or a step that is no number.
    """
    files = [path] if path.is_file() else sorted(filter(_is_download, path.iterdir()))
    runs: dict[str, Run] = {}
    record = 0
    for file in files:
        named = _NAME.fullmatch(file.name.removesuffix(_END).removesuffix(file.suffix))
        name, tag = (named["run"], named["tag"]) if named else (file.stem, "value")
        run = runs.setdefault(name, Run(name, run_name=name))
        rows, cut = _json(file) if file.suffix.lower() == ".json" else _csv(file)
        run.truncated = run.truncated or cut
        for number, (wall, step, value) in enumerate(rows, start=1):
            at, record = as_step(step), record + 1
            if at is None:
                raise InputError("no step", file=file, row=number, value=step, allowed="a number")
            run.add(at, tag, value, as_number(wall), record=record)
        if len(rows) == _SAMPLE:
            options.say(f"{file.name} has {_SAMPLE} points: TensorBoard's sample, most likely")
    for run in runs.values():
        # Files have a metric each; their times say which came first.
        run.rows = by_time(by_metric(run.rows))
    return frame(runs.values(), path)


def _csv(file: Path) -> tuple[list[tuple[Any, Any, Any]], bool]:
    lines, cut = table(file)
    found = ([parsed(line.get(name)) for name in _COLUMNS] for line in lines)
    return [(wall, step, value) for wall, step, value in found], cut


def _json(file: Path) -> tuple[list[tuple[Any, Any, Any]], bool]:
    found = from_json(bounded(file), file)
    if not isinstance(found, list):
        raise InputError("not TensorBoard's JSON", file=file, allowed="[[wall time, step, value]]")
    for number, row in enumerate(found, start=1):
        if not isinstance(row, list) or len(row) != len(_COLUMNS):
            allowed = "[wall time, step, value]"
            raise InputError("not a point", file=file, row=number, value=row, allowed=allowed)
    return [(wall, step, value) for wall, step, value in found], False


def _is_download(file: Path) -> bool:
    if not file.is_file():
        return False
    if file.suffix.lower() == ".csv":
        return header(file) == _COLUMNS
    start = r"\s*\[\s*\[\s*[\d.eE+-]+\s*,\s*[\d.eE+-]+\s*,\s*(?:[\d.eE+-]+|\"?-?\w+\"?)\s*\]"
    return file.suffix.lower() == ".json" and re.match(start, head(file)) is not None


def _recognise(path: Path) -> bool:
    if path.is_dir():
        return any(map(_is_download, path.iterdir()))
    return path.name.lower().endswith(_END) or _is_download(path)


FORMAT = Format(
    name="tensorboard-download",
    meaning="CSV or JSON that TensorBoard's page downloads, or a folder of them",
    seen="tensorboard 2.21.0, its own files (2026-11-30)",
    suffixes=(_END,),
    read=read,
    recognise=_recognise,
    raw=True,
    needs=("*.csv", "*.json"),
)
