"""The record of a run under way: its forecasts as they were made, and their score at the end.

A folder with

- ``forecast.jsonl``: one line a forecast, only ever appended to;
- ``curve.csv``: what the last forecast rested on, so that a log that was rotated is not lost;
- ``score.json``: once the run has ended, what stood at shares of it beside its end;
- ``.gitignore``: keeps the folder out of Git, for its figures are internal.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.io import atomic
from scaling.io.json_files import json_text, write_json
from scaling.io.tables import csv_text, unguarded

Row = dict[str, Any]
FORECASTS, CURVE, SCORE = "forecast.jsonl", "curve.csv", "score.json"
IGNORE = ".gitignore"


class Journal:
    """The folder of one watched run; one writer at a time (`held`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[Row] = []

    @contextlib.contextmanager
    def held(self) -> Iterator[Journal]:
        """The folder, made and locked; its rows are read and a line that a kill cut is removed.

        What is made here is removed again where nothing was recorded.

        Raises:
            InputError: another process watches into the same folder, or a line is no forecast.
        """
        made = [one for one in (self.folder, *self.folder.parents) if not one.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic.locked(self.folder, waiting=self._refuse):
            ignore = self.folder / IGNORE
            new = not ignore.exists()
            if new:
                atomic.write(ignore, b"# Figures of a run under way are internal.\n*\n")
            self.rows = self._read()
            try:
                yield self
            finally:
                if new and [one.name for one in self.folder.iterdir()] == [IGNORE]:
                    ignore.unlink()
                    _remove_empty(made)

    def _refuse(self) -> None:
        raise InputError(
            "another process watches into this folder", file=self.folder, allowed="another --out"
        )

    def _read(self) -> list[Row]:
        file = self.folder / FORECASTS
        if not file.exists():
            return []
        atomic.drop_cut_line(file)
        lines = file.read_bytes().splitlines()
        return [self._row(line, number) for number, line in enumerate(lines, start=1)]

    def _row(self, line: bytes, number: int) -> Row:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not {"at", "time", "q50"} <= row.keys():
            raise InputError(
                "not a forecast", file=self.folder / FORECASTS, row=number,
                value=line[:80].decode("utf-8", "replace"), allowed="a line that a watch wrote",
            )  # fmt: skip
        return row

    def append(self, row: Row) -> None:
        """One forecast more, on the disk when this returns."""
        line = json.dumps(json.loads(json_text(row))) + "\n"
        with (self.folder / FORECASTS).open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self.rows.append(row)

    def keep_curve(self, curve: pl.DataFrame) -> None:
        """What the last forecast rested on: at, value, and the key of the series in each row."""
        atomic.write(self.folder / CURVE, csv_text(curve).encode())

    def curve(self) -> pl.DataFrame | None:
        """The curve that was kept; None where there is none."""
        file = self.folder / CURVE
        return unguarded(pl.read_csv(file)) if file.exists() else None

    def keep_score(self, score: Mapping[str, Any]) -> None:
        """The score of a run that has ended."""
        write_json(self.folder / SCORE, dict(score))

    def score(self) -> Row | None:
        """The score that was kept; None where there is none."""
        file = self.folder / SCORE
        if not file.exists():
            return None
        found: Row = json.loads(file.read_text(encoding="utf-8"))
        return found


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, up to one that holds something."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def now() -> str:
    """The present time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
