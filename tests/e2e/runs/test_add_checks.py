"""`scaling add` says what will become of the rows, and leaves the columns that it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from scaling.pipeline import ingest, validate
from tests.support.command import cli
from tests.support.inbox_project import fill, table, tree

SETS = [
    part
    for text in ("metric=loss@c4", "metric_kind=loss", "unit=nats/token", "observed=2026-01-02")
    for part in ("--set", text)
]
HEAD = "run,source,params,tokens,dataset,value\n"
TABLE = HEAD + "a,lab,1e8,2e9,c4,3.5\nb,lab,2e8,4e9,c4,3.2\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Iterator[None]:
    with chdir(fill(tmp_path, {"runs.csv": TABLE})):
        yield


def test_rows_that_will_be_held_back_are_said() -> None:
    done = cli("add", "runs.csv", "--as", "team", *SETS)
    assert done.returncode == 0, done.stderr
    assert "no result passes the checks; a refit will hold back 2:" in done.stdout
    assert "2 results (the first: row 1, run 'a', column 'source': found 'lab'" in done.stdout


def test_one_bad_row_is_said_with_its_check() -> None:
    Path("runs.csv").write_text(TABLE.replace("2e8,4e9", "-2e8,4e9"))
    done = cli("add", "runs.csv", "--as", "team", *SETS, "--ignore", "source")
    assert "1 of 2 results pass the checks; a refit will hold back 1:" in done.stdout
    assert "range:params: 1 result (the first: row 2, run 'b', column 'params'" in done.stdout


@pytest.mark.parametrize("pattern", ["source", "sou*"])
def test_ignore_leaves_a_column_of_our_name(pattern: str) -> None:
    done = cli("add", "runs.csv", "--as", "team", *SETS, "--ignore", pattern)
    assert "all 2 results pass the checks" in done.stdout
    assert table("team", "source", "run").rows() == [("team", "a"), ("team", "b")]


def test_the_rest_is_what_is_neither_mapped_nor_ours() -> None:
    Path("runs.csv").write_text(TABLE.replace("source", "origin").replace("dataset", "other"))
    assert cli("add", "runs.csv", "--as", "team", *SETS, "--ignore", "*").returncode == 0
    assert table("team", "run", "origin", "dataset").rows() == [
        ("a", "lab", None),
        ("b", "lab", None),
    ]


def test_a_mapped_column_is_not_taken_under_its_own_name_too() -> None:
    maps = ("--map", "training_data=dataset", "--ignore", "source")
    assert cli("add", "runs.csv", "--as", "team", *SETS, *maps).returncode == 0
    assert table("team", "training_data", "dataset").rows() == [("c4", None), ("c4", None)]


def test_a_column_may_be_mapped_to_two() -> None:
    maps = ("--map", "training_data=dataset", "--map", "dataset=dataset", "--ignore", "source")
    assert cli("add", "runs.csv", "--as", "team", *SETS, *maps).returncode == 0
    assert table("team", "training_data", "dataset").rows()[0] == ("c4", "c4")


def test_a_factor_is_still_the_column_of_its_name() -> None:
    Path("runs.csv").write_text(TABLE.replace("tokens", "ratio").replace("2e9", "20"))
    maps = ("--map", "tokens=params*ratio:1", "--ignore", "source")
    done = cli("add", "runs.csv", "--as", "team", *SETS, *maps)
    assert done.returncode == 0, done.stderr
    assert table("team", "params", "tokens").rows()[0] == (1e8, 2e9)


def test_a_dry_run_says_all_and_changes_nothing() -> None:
    before = tree()
    done = cli("add", "runs.csv", "--as", "team", *SETS, "--ignore", "source", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "2 results" in done.stdout and "all 2 results pass the checks" in done.stdout
    assert "nothing was added: runs.csv was only looked at, for source team" in done.stdout
    assert tree() == before
    assert cli("add", "runs.csv", "--as", "team", *SETS, "--ignore", "source").returncode == 0
    Path("runs.csv").write_text(TABLE.replace("3.2", "3.1"))
    before = tree()
    day = ("--set", "observed=2026-01-02")
    done = cli("add", "runs.csv", "--as", "team", *day, "--dry-run")
    assert "1 corrected (the first: run 'b', loss@c4: value 3.2 -> 3.1)" in done.stdout
    assert tree() == before


@pytest.mark.parametrize("disclosed", [True, False])
def test_released_and_withdrawn_rows_are_counted_so(disclosed: bool) -> None:
    """What was let pass or withdrawn before is so in a file that comes later."""
    fill(Path(), {"runs.csv": TABLE.replace("3.2", "-3.2")}, disclosed=disclosed)
    done = cli("add", "runs.csv", "--as", "team", *SETS, "--ignore", "source")
    assert "1 of 2 results pass the checks; a refit will hold back 1:" in done.stdout
    assert "positive_loss: 1 result (the first: row 2, run 'b'" in done.stdout
    ingest.main()
    validate.main()
    name = "team" if disclosed else "internal-1"
    assert (
        cli("quarantine", "release", f"{name}:2", "--reason", "so", "--by", "Ada").returncode == 0
    )
    assert cli("remove", "team", "--run", "a", "--reason", "wrong", "--by", "Ada").returncode == 0
    assert (
        "At the next refit 1 result passes the checks\n1 row withdrawn;"
        in cli("mapping", "team").stdout
    )
    Path("runs.csv").write_text(TABLE.replace("3.2", "-3.2") + "c,lab,3e8,5e9,c4,3.0\n")
    done = cli("add", "runs.csv", "--as", "team", "--set", "observed=2026-01-02")
    assert "all 2 results pass the checks\n1 row withdrawn;" in done.stdout, done.stdout
