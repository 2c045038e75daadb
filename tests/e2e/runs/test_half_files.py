"""Half a table, to `scaling add` and in the inbox at a refit: it is told, and nothing is lost."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scaling.orchestration.watch_inbox import wait_for_writers
from scaling.pipeline import ingest
from scaling.runs.inbox.add import add
from scaling.runs.inbox.complete_lines import NO_LINE_END
from tests.support.small_project import MAPPING, METRIC, make, write_runs

HEAD = "source,run,observed,params,tokens,metric,metric_kind,dataset,unit,value"


def by_hand(names: list[str]) -> str:
    """A table that has our columns already, as a person may put it into the inbox."""
    rows = [
        f"hand,{name},2026-01-02,{1e9 + k},2e10,loss@c4,loss,c4,nats/token,2.5"
        for k, name in enumerate(names)
    ]
    return "\n".join([HEAD, *rows]) + "\n"


@pytest.mark.parametrize(
    ("text", "open_end"),
    [("a,b\n1,2\n", False), ("a,b\n1,2", True), ("a,b\r\n1,2\r\n", False), ("", False)],
)
def test_a_table_without_a_line_end_is_waited_for_and_taken(
    text: str, open_end: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data/internal"
    (folder / "store").mkdir(parents=True)
    (folder / "store/kept.csv").write_text("a\n1")
    (folder / "rows.jsonl").write_text('{"a": 1}')
    file = folder / "team.csv"
    file.write_text(text)
    os.utime(file, (4e9, 4e9))  # however long ago that is, it is less than a minute
    wait_for_writers(tmp_path, settled=60.0, longest=0.1)
    assert ("waiting" in capsys.readouterr().err) == open_end
    os.utime(file, (1.6e9, 1.6e9))
    wait_for_writers(tmp_path, settled=60.0, longest=60.0)
    assert capsys.readouterr().err == ""


def test_ingest_and_add_name_a_table_without_a_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "data/internal/hand.csv"
    table.parent.mkdir(parents=True)
    (tmp_path / "data/published").mkdir()
    for text, told in ((by_hand(["a", "b"]), False), (by_hand(["a", "b"])[:-2], True)):
        table.write_text(text)
        ingest.main()
        assert (f"hand.csv: {NO_LINE_END}" in capsys.readouterr().err) == told
        other = tmp_path / "team.csv"
        other.write_text(text)
        said = add(other, today=date(2026, 1, 3)).remarks
        assert (NO_LINE_END in said) == told
    values = [pl.read_parquet(file)["value"] for file in (tmp_path / "data/runs").glob("*")]
    assert [2.5, 2.0] in [list(one) for one in values]


@pytest.mark.slow
def test_half_a_table_is_told_or_taken_as_far_as_it_goes_and_the_whole_one_later(
    tmp_path: Path,
) -> None:
    one = make(tmp_path)
    whole = write_runs(tmp_path / "team.csv", [f"run-{k}" for k in range(8)])
    lines = whole.read_text().splitlines(keepends=True)
    half = tmp_path / "half" / "team.csv"
    half.parent.mkdir()
    # In the middle of a row: refused, and nothing is taken.
    half.write_text("".join(lines[:4]) + lines[4][: len(lines[4]) // 2])
    done = one.scaling("add", str(half), "--as", "team", *MAPPING, *METRIC)
    assert done.returncode == 2 and "team.csv, row 4" in done.stderr, done.stderr
    assert not (one.root / "data/internal/store/team").exists()
    # At the end of one: three runs, and the other five with the whole file.
    half.write_text("".join(lines[:4]))
    assert one.scaling("add", str(half), "--as", "team", *MAPPING, *METRIC).returncode == 0
    assert one.scaling("add", str(whole), "--as", "team").returncode == 0
    # In the inbox itself, while a refit starts.
    table, text = one.root / "data/internal/hand.csv", by_hand(["a", "b", "c"])
    table.write_text(text[:-20])
    done = one.scaling("refit")
    assert done.returncode == 2 and "hand.csv, row 3" in done.stderr, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and one.versions() == []
    table.write_text(text)
    done = one.scaling("refit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(one.versions()) == 1
    found = {
        file.stem: pl.read_parquet(file)["run"].n_unique()
        for file in (one.root / "data/validated").glob("internal-*.parquet")
    }
    assert sorted(found.values()) == [3, 8]
    assert one.scaling("verify").returncode == 0
