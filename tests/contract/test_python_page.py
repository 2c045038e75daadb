"""The page about Python runs as it stands, and says what comes in and what goes out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import scaling
from tests.support import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
# Of the table of the page: what comes in, made of a polars table, and what goes out.
KINDS = {
    "polars DataFrame": (lambda runs: runs, pl.DataFrame),
    "polars LazyFrame": (lambda runs: runs.lazy(), pl.LazyFrame),
    "pandas DataFrame": (lambda runs: pd.DataFrame(runs.to_dict(as_series=False)), pd.DataFrame),
    "pyarrow Table": (lambda runs: runs.to_arrow(), pa.Table),
    "dict of columns": (lambda runs: runs.to_dict(as_series=False), pl.DataFrame),
    "path of a file": (None, pl.DataFrame),
}


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) <= 60


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the project, with its files elsewhere."""
    monkeypatch.chdir(ROOT)
    log = tmp_path / "run.jsonl"
    rows = ({"step": n, "loss": 2.0 + 9.0 * n**-0.3} for n in range(100, 10_001, 100))
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elsewhere = {
        '"model.json"': f'"{tmp_path / "model.json"}"',
        '"run.jsonl"': f'"{log}", out="{tmp_path / "record"}"',
    }
    names: dict[str, object] = {}
    for block in BLOCKS:
        for text, place in elsewhere.items():
            block = block.replace(text, place)
        exec(block, names)
    assert isinstance(names["model"], scaling.Fit)


def test_the_table_names_each_kind() -> None:
    listed = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", PAGE, re.MULTILINE)[1:]
    starts = [one for one, _ in listed]
    assert len(listed) == len(KINDS)
    for name, (_, made) in KINDS.items():
        goes_out = next(out for one, out in listed if one.startswith(name))
        assert goes_out.split(" ")[1].startswith(made.__name__), (name, starts)


@pytest.mark.parametrize("name", KINDS)
def test_what_comes_in_goes_out(name: str, tmp_path: Path) -> None:
    runs = pl.DataFrame(
        {"x": [1e6, 3e6, 1e7, 3e7, 1e8, 3e8], "loss": [4.0, 3.5, 3.1, 2.8, 2.6, 2.45]}
    )
    runs.write_csv(tmp_path / "runs.csv")
    build, kind = KINDS[name]
    given = build(runs) if build else tmp_path / "runs.csv"
    made = scaling.fit(given, "power_law", resamples=0)
    assert isinstance(made.to_frame(), kind)
    assert isinstance(scaling.forecast(given, given, inputs=["x"]), kind)
