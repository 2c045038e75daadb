"""Stage `report`: forecasts, fits and runs as Markdown, HTML and JSON in reports/current.

Reads no clock, no Git and no environment. The folder is written beside and swapped in whole.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from scaling.errors import InputError
from scaling.pipeline.files import canonical
from scaling.report.blocks import Figure, Report, every
from scaling.report.checklist import answers
from scaling.report.context import context
from scaling.report.model import build
from scaling.report.read import FORECAST_FILE, read
from scaling.report.render import html, markdown
from scaling.report.stored import to_json

OUTPUT = Path("reports/current")


def main(root: Path = Path()) -> int:
    """Write the report of the project at ``root``; 2 when an input is wrong."""
    try:
        files = contents(root)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    swap(root / OUTPUT, files)
    print(f"{OUTPUT}: {', '.join(files)}")
    return 0


def contents(root: Path) -> dict[str, bytes]:
    """The bytes of each file of the report, by name."""
    inputs = read(root)
    report = build(inputs)
    texts = {
        "report.md": markdown(report),
        "report.html": html(report, scripted=True),
        "report.json": to_json(report),
        "checklist.json": canonical({"answers": answers(context(inputs))}),
        **{figure.file: figure.sheet for figure in _figures(report)},
    }
    files = {name: text.encode() for name, text in texts.items()}
    return files | {"forecast.csv": (root / FORECAST_FILE).read_bytes()}


def _figures(report: Report) -> list[Figure]:
    """Those that are files of their own, for Markdown."""
    return [block for block in every(report) if isinstance(block, Figure) and block.file]


def swap(folder: Path, files: dict[str, bytes]) -> None:
    """Put the files where the folder is: written beside, synced, then renamed."""
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    new.mkdir(parents=True)
    for name, content in files.items():
        with (new / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
