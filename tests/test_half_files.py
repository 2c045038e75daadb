"""Half a table, to `scaling add` and in the inbox at a refit: it is told, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from benchmarks.small_project import MAPPING, METRIC, make, write_runs

HEAD = "source,run,observed,params,tokens,metric,metric_kind,dataset,unit,value"


def by_hand(names: list[str]) -> str:
    """A table that has our columns already, as a person may put it into the inbox."""
    rows = [
        f"hand,{name},2026-01-02,{1e9 + k},2e10,loss@c4,loss,c4,nats/token,2.5"
        for k, name in enumerate(names)
    ]
    return "\n".join([HEAD, *rows]) + "\n"


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
