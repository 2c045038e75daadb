"""`scaling add`: counts and units, however they are written."""

from __future__ import annotations

import math
import re
from pathlib import Path

import polars as pl
import pytest

from tests.support.inbox_project import project, scaling_add, table, tree

__all__ = ["project"]


OURS = (
    *("--map", "run=name", "--set", "observed=2026-01-02", "--as", "team"),
    *("--metric", "val_loss=loss@c4:nats/token"),
)


def _own(cells: str, header: str = "name,params,tokens,val_loss") -> Path:
    Path("in/own.csv").write_text(f"{header}\n{cells}\n", encoding="utf-8")
    return Path("in/own.csv")


@pytest.mark.parametrize(
    ("cells", "options", "expected"),
    [
        ("a,1.3B,26B,2.1", (), (1.3e9, 2.6e10)),
        ("a,1.3 B,26b,2.1", (), (1.3e9, 2.6e10)),
        ("a,5k,500k,2.1", (), (5e3, 5e5)),
        ("a,0.03,0.06,2.1", ("params=params:B", "tokens=tokens:T"), (3e7, 6e10)),
        ("a,30,1,2.1", ("params=params:1", "tokens=tokens:1"), (30.0, 1.0)),
        ("a,30,1,2.1", ("params=params*1e6", "tokens=tokens*1e9"), (3e7, 1e9)),
    ],
)
def test_counts_of_our_own_names(
    cells: str, options: tuple[str, ...], expected: tuple[float, float], project: Path
) -> None:
    maps = [word for option in options for word in ("--map", option)]
    assert scaling_add(_own(cells), *OURS, *maps) == 0
    assert table("team", "params", "tokens").rows() == [expected]


@pytest.mark.parametrize(
    ("cells", "found", "meant"),
    [
        ("a,0.03,26B,2.1", "column 'params': too small", "--map params=params:B"),
        ("a,1.3B,0.06,2.1", "column 'tokens': too small", "--map tokens=tokens:B"),
        ("a,30,1e9,2.1", "column 'params': too small", "--map params=params:M"),
        ("a,1.3B,26B,2.1\nb,0.03,26B,2.0", "row 2, column 'params'", "--map params=params:B"),
    ],
)
def test_counts_too_small_for_a_model_are_refused(
    cells: str, found: str, meant: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree()
    assert scaling_add(_own(cells), *OURS) == 2
    said = capsys.readouterr().err
    assert found in said and meant in said
    assert tree() == before


@pytest.mark.parametrize(
    ("value", "expected"),
    [("190M", 1.9e8), ("190:M", 1.9e8), ("1.9e8", 1.9e8), ("30:1", 30.0), ("5k", 5e3)],
)
def test_counts_that_are_set(value: str, expected: float, project: Path) -> None:
    path = _own("a,26B,2.1\nb,30B,2.0", "name,tokens,val_loss")
    assert scaling_add(path, *OURS, "--set", f"params={value}") == 0
    assert table("team", "params")["params"].to_list() == [expected] * 2
    again = _own("c,31B,1.9", "name,tokens,val_loss")
    assert scaling_add(again, "--as", "team") == 2  # facts of the other file
    facts = ("--set", f"params={value}", "--set", "observed=2026-01-02")
    assert scaling_add(again, "--as", "team", *facts) == 0
    assert table("team", "params")["params"].to_list() == [expected] * 3


@pytest.mark.parametrize("value", ["190", "0.19", "many", "190G"])
def test_counts_that_cannot_be_set(
    value: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _own("a,26B,2.1", "name,tokens,val_loss")
    assert scaling_add(path, *OURS, "--set", f"params={value}") == 2
    assert "--set params=" in capsys.readouterr().err


def test_a_dictionary_column_of_counts(project: Path) -> None:
    rows = pl.DataFrame({"name": ["a"], "params": ["30M"], "tokens": ["1B"], "val_loss": [2.1]})
    rows.with_columns(pl.col("params", "tokens").cast(pl.Categorical)).write_parquet(
        "in/own.parquet"
    )
    assert scaling_add("in/own.parquet", *OURS) == 0
    assert table("team", "params", "tokens").rows() == [(3e7, 1e9)]


def test_perplexity_is_turned_into_nats(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _own("a,1.3B,26B,20.0\nb,2B,40B,18.0", "name,params,tokens,ppl")
    first = OURS[:-2]
    assert scaling_add(path, *first, "--metric", "ppl=loss@c4:nats/token") == 2
    assert "too high for a loss in nats/token" in capsys.readouterr().err
    assert scaling_add(path, *first, "--metric", "ppl=perplexity@c4:nats/token") == 2
    assert "--metric ppl=loss@c4:perplexity" in capsys.readouterr().err
    assert scaling_add(path, *first, "--metric", "ppl=loss@c4:perplexity") == 0
    made = table("team", "value", "unit", "metric_kind")
    assert made["value"].to_list() == pytest.approx([math.log(20.0), math.log(18.0)])
    assert made.select("unit", "metric_kind").unique().rows() == [("nats/token", "loss")]


def test_perplexity_per_byte_needs_the_rate(project: Path) -> None:
    path = _own("a,1.3B,26B,20.0", "name,params,tokens,ppl")
    metric = ("--metric", "ppl=bits_per_byte@c4:perplexity:bits/byte")
    assert scaling_add(path, *OURS[:-2], *metric) == 2
    assert scaling_add(path, *OURS[:-2], *metric, "--bytes-per-token", "4") == 0
    expected = math.log2(20.0) / 4.0
    assert table("team", "value")["value"].to_list() == pytest.approx([expected])


def test_a_table_of_ours_in_perplexity(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = "run,params,tokens,observed,metric,metric_kind,unit,value"
    row = "a,1.3B,26B,2026-01-02,perplexity@c4,perplexity,{},20"
    assert scaling_add(_own(row.format("nats/token"), header), "--as", "team") == 2
    assert "a perplexity is in no such unit" in capsys.readouterr().err
    assert scaling_add(_own(row.format("perplexity"), header), "--as", "team") == 0


def test_what_was_added_once_is_read_as_it_is(project: Path) -> None:
    """A source from before a unit was asked for stays readable."""
    assert scaling_add(_own("a,30,1,2.1"), *OURS, "--map", "params=params:1", "--map",
                       "tokens=tokens:1") == 0  # fmt: skip
    file = next(Path("data/internal").rglob("mapping.yaml"))
    text = file.read_text()
    assert text.count("unit: '1'") == 2
    file.write_text(re.sub(r" +unit: '1'\n", "", text), encoding="utf-8")
    assert table("team", "params", "tokens").rows() == [(30.0, 1.0)]
