"""Stage `report`: forecasts, fits and runs as Markdown, HTML and JSON in reports/current.

Reads no clock, no Git and no environment. The folder is replaced as a whole.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import polars as pl

from scaling.document.blocks import Figure, Report, all_blocks
from scaling.document.render import html, markdown
from scaling.document.report_json import to_json
from scaling.errors import InputError
from scaling.fitting.study_record import FitRecord
from scaling.io import atomic
from scaling.io.json_files import json_text
from scaling.report.context import Study, context
from scaling.report.model import build
from scaling.report.read import (
    BASELINES_FILE,
    FAN_FILE,
    FORECAST_FILE,
    Inputs,
    read,
    read_forecasts,
)
from scaling.report.sections import hubverse
from scaling.report.sections.checklist import document
from scaling.runs.schema import FORECAST, dtypes

OUTPUT = Path("reports/current")


def main(root: Path = Path()) -> int:
    """Write the report of the project at ``root``; 2 when an input is wrong."""
    try:
        files = contents(root)
    except InputError as error:
        subject = _subject(error)
        print(error.of(subject) if subject else error, file=sys.stderr)
        return 2
    except Exception as error:
        error.add_note(f"in the report: {_subject(error)}".rstrip(": "))
        raise
    with atomic.new_folder(root / OUTPUT) as folder:
        atomic.fill(folder, files)
    print(f"{OUTPUT}: {', '.join(files)}")
    return 0


def _subject(error: BaseException) -> str:
    """The study and the law that a section was at when it failed, and their file.

    Sections loop over studies and fits in many places, so what they had at hand is asked of the
    frames of the traceback, the innermost last.
    """
    study, law = None, None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            study = value if isinstance(value, Study) else study
            law = value.law if isinstance(value, FitRecord) else law
    parts = [] if study is None else [f"study {study.name} ({study.fit_file})"]
    return ", ".join([*parts, *([] if law is None else [f"law {law}"])])


def contents(root: Path) -> dict[str, bytes]:
    """The bytes of each file of the report, by name."""
    inputs = read(root)
    report = build(inputs)
    texts = {
        "report.md": markdown(report),
        "report.html": html(report, scripted=True),
        "report.json": to_json(report),
        "checklist.json": json_text(document(context(inputs))),
        **{figure.file: figure.sheet for figure in _figures(report)},
    }
    files = {name: text.encode() for name, text in texts.items()}
    tables = [root / one for one in (FORECAST_FILE, FAN_FILE) if (root / one).is_file()]
    return files | _hub(root, inputs) | {path.name: path.read_bytes() for path in tables}


def _hub(root: Path, inputs: Inputs) -> dict[str, bytes]:
    """The forecasts and naive methods for hub tools; none where no row has a day."""
    day = inputs.day
    naive = read_forecasts(root / BASELINES_FILE) if (root / BASELINES_FILE).is_file() else None
    tables = [inputs.forecast, *([] if naive is None else [naive])]
    known = list(dtypes(FORECAST))
    return (
        {} if day is None else hubverse.files(pl.concat(one.select(known) for one in tables), day)
    )


def _figures(report: Report) -> list[Figure]:
    """Those that are files of their own, for Markdown."""
    return [block for block in all_blocks(report) if isinstance(block, Figure) and block.file]


if __name__ == "__main__":
    sys.exit(main())
