"""JSON tables in every order that is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from scaling.errors import InputError
from scaling.runs import formats

RECORDS = [{"run": "a", "params": 1e9}, {"run": "b", "params": 2e9}]
COLUMNS = {"run": ["a", "b"], "params": [1e9, 2e9]}
SPLIT = {"columns": ["run", "params"], "index": [0, 1], "data": [["a", 1e9], ["b", 2e9]]}


def _read(path: Path, text: str) -> tuple[pl.DataFrame, str]:
    path.write_text(text)
    said: list[str] = []
    return formats.read_table(path, formats.ReadOptions(say=said.append)), "\n".join(said)


@pytest.mark.parametrize(
    "value",
    [
        RECORDS,
        COLUMNS,
        SPLIT,
        {name: dict(enumerate(cells)) for name, cells in COLUMNS.items()},
        {str(i): row for i, row in enumerate(RECORDS)},
        {"schema": {"fields": []}, "data": RECORDS},
        {"version": 3, "runs": RECORDS},
        [["run", "params"], ["a", 1e9], ["b", 2e9]],
        {"a": {"params": 1e9}, "b": {"params": 2e9}},
        {"params": {"a": 1e9, "b": 2e9}},
    ],
)
def test_orders_of_a_table(value: Any, tmp_path: Path) -> None:
    frame, _ = _read(tmp_path / "a.json", json.dumps(value))
    assert frame.select("run", "params").rows() == [("a", 1e9), ("b", 2e9)]


@pytest.mark.parametrize("orient", ["records", "columns", "split", "index", "table"])
def test_what_pandas_writes(orient: str, tmp_path: Path) -> None:
    pd.DataFrame(RECORDS).to_json(tmp_path / "a.json", orient=orient)
    frame = formats.read_table(tmp_path / "a.json")
    assert frame.select("run", "params").rows() == [("a", 1e9), ("b", 2e9)]
    pd.DataFrame(RECORDS).to_csv(tmp_path / "a.csv")
    frame = formats.read_table(tmp_path / "a.csv")
    assert frame.columns == ["run", "params"] and frame.height == 2


def test_json_lines_under_another_ending_are_said(tmp_path: Path) -> None:
    frame, said = _read(tmp_path / "a.json", "\n".join(map(json.dumps, RECORDS)) + "\n")
    assert frame.height == 2 and said == "the file is JSON lines: an object a line"


def test_what_stands_beside_the_rows_is_said(tmp_path: Path) -> None:
    _, said = _read(tmp_path / "a.json", json.dumps({"version": 3, "runs": RECORDS}))
    assert said == "rows are those of 'runs'; left out: ['version']"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', "not readable as JSON"),
        ("[1, 2]", "row 1: not a row; found 1"),
        ('[{"a": 1}, 2]', "row 2: not a row; found 2"),
        ('{"a": [1, 2], "b": [1]}', "columns of other lengths"),
        ('[["a", "b"], [1]]', "row 1: 1 cells in a table of 2 columns"),
        ('[{"a": 1, "a": 2}]', "a key appears twice"),
        ('{"x": {"u": "v"}, "y": {"u": "w"}}', "rows or columns first"),
        ("{}", "no table in this JSON"),
        ("[" * 100_000, "not readable as JSON"),
    ],
)
def test_json_that_is_no_table(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"a\.json.*{message}"):
        _read(tmp_path / "a.json", text)
