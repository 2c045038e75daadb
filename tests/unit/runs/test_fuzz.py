"""Strange files: refused with a message, or every row comes in, and goes one of two ways.

``SCALING_FUZZ`` sets how many files per format are tried (60 unless told; 10,000 in the slow
test).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import polars as pl
import pytest

from scaling.errors import InputError, as_text
from scaling.pipeline import ingest
from scaling.runs import formats
from scaling.runs.validation.partition import validate_all
from tests.support.fuzzed import FORMATS, file_of

COUNT = int(os.environ.get("SCALING_FUZZ", "60"))
TABLES = ("csv", "tsv", "jsonl", "parquet", "xlsx", "json", "packed")
# CPU seconds that a file of some kilobytes may take.
LONGEST = 5.0
BATCH = 500


def _taken(name: str, number: int, folder: Path) -> pl.DataFrame | None:
    """The run table of one strange file, or None where it is refused as it should be."""
    stem, data, rows = file_of(name, number)
    path = folder / stem
    path.write_bytes(data)
    start = time.process_time()
    try:
        cells = formats.read_cells(path)
        table = ingest.run_table("team", [path]) if name in TABLES else cells
    except InputError as error:
        said = str(error)
        assert len(said) < 20_000 and as_text(path.name) in said, (number, said[:300])
        return None
    finally:
        path.unlink()
        assert time.process_time() - start < LONGEST, number
    # Of a table nothing is left out; a tracker's log is turned into one row a metric.
    assert table.height == cells.height, number
    assert rows is None or name not in TABLES or _all_rows(cells, rows), number
    return table


def _all_rows(cells: pl.DataFrame, rows: int) -> bool:
    """Blank lines are no rows; a broken line of JSON may be added to the rows that were meant."""
    return cells.height <= rows + 2


def _fuzz(name: str, count: int, folder: Path) -> int:
    taken: list[pl.DataFrame] = []
    accepted = 0
    for number in range(count):
        table = _taken(name, number, folder)
        accepted += table is not None
        taken += [table] if table is not None and name in TABLES else []
        if len(taken) >= BATCH or (number == count - 1 and taken):
            whole = pl.concat(taken)
            result = validate_all({"team": whole})["team"]
            assert result.valid.height + result.quarantine.height == whole.height
            assert result.valid["value"].is_finite().all()
            taken = []
    return accepted


@pytest.mark.parametrize("name", FORMATS)
def test_strange_files_are_refused_or_lose_no_row(name: str, tmp_path: Path) -> None:
    accepted = _fuzz(name, COUNT, tmp_path)
    assert accepted > COUNT // 20


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_strange_files_at_length(name: str, tmp_path: Path) -> None:
    _fuzz(name, max(COUNT, 10_000), tmp_path)


@pytest.mark.parametrize("name", TABLES)
def test_a_strange_file_in_the_inbox_leaves_the_last_tables_whole(
    name: str, tmp_path: Path
) -> None:
    inbox, out, none = (tmp_path / part for part in ("internal", "runs", "published"))
    inbox.mkdir()
    none.mkdir()
    (inbox / "good.csv").write_text("run,metric,value\na,loss,1\n")
    ingest.replace_folder(out, ingest.ingest(none, inbox))
    for number in range(COUNT // 4):
        stem, data, _ = file_of(name, number)
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        (inbox / stem).write_bytes(data)
        try:
            ingest.replace_folder(out, ingest.ingest(none, inbox))
        except InputError:
            assert before == {path.name: path.read_bytes() for path in out.iterdir()}, number
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], number
        (inbox / stem).unlink()
