"""`scaling remove`: a source or a run withdrawn, restored, and nothing deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.pipeline import ingest, validate
from scaling.runs.inbox import withdrawals
from tests.support.command import cli
from tests.support.inbox_project import fill

TODAY = datetime.now(UTC).date()
ROWS = "run,observed,params,tokens,metric,metric_kind,dataset,unit,value\n" + "".join(
    f"{name},2024-12-01,{size}e9,2e10,loss@c4,loss,c4,nats/token,{loss}\n"
    for name, size, loss in (("a", 1, 2.5), ("b", 2, 2.4), ("c", 3, 2.3))
)
BECAUSE = ("--reason", "its learning rate was wrong", "--by", "Ada")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[None]:
    """A project with a published source and one of the team's own, entered."""
    files = {"data/published/paper/runs.csv": ROWS, "in/team.csv": ROWS}
    with chdir(fill(tmp_path, files, disclosed=False)):
        added = cli("add", "in/team.csv")
        assert added.returncode == 0, added.stderr
        yield


def stages() -> dict[str, dict[str, object]]:
    """What the report of validation says of each source."""
    ingest.main()
    validate.main()
    found: dict[str, dict[str, object]] = json.loads(Path("data/validation.json").read_bytes())
    return found


def runs(source: str) -> list[str]:
    return pl.read_parquet(f"data/validated/{source}.parquet")["run"].to_list()


@pytest.mark.parametrize(
    "name", [("team", "b"), ("internal-1", "internal-1/run-2"), ("paper", "b")]
)
def test_a_run_goes_and_is_restored(project: None, name: tuple[str, str]) -> None:
    source, run = name
    table = "paper" if source == "paper" else "internal-1"
    everything = stages()[table]
    whole = (Path(f"data/validated/{table}.parquet")).read_bytes()
    done = cli("remove", source, "--run", run, *BECAUSE)
    assert done.returncode == 0, done.stderr
    assert f"{TODAY} run 'b' withdrawn by Ada: its learning rate was wrong" in done.stdout
    assert "--run b --undo" in done.stdout and "scaling refit" in done.stdout
    left = stages()[table]
    first = "b" if source == "paper" else "internal-1/run-2"
    act = {"what": f"withdrawn {TODAY}", "runs": 1, "rows": 1, "first": [first]}
    assert (left["rows"], left["valid"], left["withdrawals"]) == (2, 2, [act])
    # The others keep their names, and the row its place among what was read.
    third = "c" if source == "paper" else "internal-1/run-3"
    assert runs(table) == [runs(table)[0], third]
    assert pl.read_parquet(f"data/runs/{table}.parquet").height == 3
    assert cli("remove", source, "--run", run, "--undo", "--by", "Ada").returncode == 0
    back = stages()[table]
    assert back["rows"] == everything["rows"] == 3
    assert back["withdrawals"] == [{**act, "what": f"restored {TODAY}"}]
    assert Path(f"data/validated/{table}.parquet").read_bytes() == whole


def test_a_source_goes_whole(project: None) -> None:
    assert cli("remove", "team", *BECAUSE).returncode == 0
    assert (stages()["internal-1"]["rows"], runs("internal-1")) == (0, [])
    assert cli("remove", "team", "--run", "b", *BECAUSE).returncode == 0
    assert cli("remove", "team", "--undo", "--by", "Ada").returncode == 0
    # The run was withdrawn for itself too.
    stages()
    assert runs("internal-1") == ["internal-1/run-1", "internal-1/run-3"]


def test_a_withdrawn_run_stays_withdrawn_when_it_is_added_again(project: None) -> None:
    cli("remove", "team", "--run", "b", *BECAUSE)
    # In another order and corrected: names and values are new, the run is the same.
    head, *lines = ROWS.splitlines(keepends=True)
    Path("in/again.csv").write_text("".join([head, *reversed(lines)]).replace("2.4", "2.41"))
    added = cli("add", "in/again.csv", "--as", "team")
    assert added.returncode == 0, added.stderr
    table = pl.read_parquet("data/runs/internal-1.parquet") if stages() else None
    assert table is not None
    out = table.filter(withdrawals.rows_out(table))
    assert out["value"].to_list() == [2.41]


def test_withdrawn_rows_take_no_part_in_the_checks_of_others(project: None) -> None:
    text = ROWS + "d,2024-12-01,3e9,2e10,loss@c4,loss,c4,nats/token,-1\n"
    Path("data/published/paper/runs.csv").write_text(text)
    assert (stages()["paper"]["quarantined"]) == 1
    assert cli("remove", "paper", "--run", "d", *BECAUSE).returncode == 0
    left = stages()["paper"]
    assert (left["rows"], left["quarantined"], "held_by" in left) == (3, 0, False)
    file = Path("data/withdrawn/paper.jsonl")
    line = {"recorded": str(TODAY), "run": "d", "withdrawn": True}
    assert json.loads(file.read_text()) == line | {"reason": BECAUSE[1], "by": "Ada"}


def test_names_of_internal_sources_stay_inside(project: None) -> None:
    cli("remove", "team", *BECAUSE)
    stages()
    assert not list(Path("data/withdrawn").glob("*")) if Path("data/withdrawn").exists() else True
    assert "learning rate" not in Path("data/validation.json").read_text()
    assert "team" not in Path("data/validation.json").read_text()


def test_a_past_day_knows_of_no_later_withdrawal(project: None) -> None:
    cli("remove", "paper", "--run", "b", *BECAUSE)
    file = Path("data/withdrawn/paper.jsonl")
    file.write_text(file.read_text().replace(str(TODAY), "2026-01-10"))
    Path("data/published/paper/runs.csv").write_text(ROWS)
    for day, kept in ((date(2026, 1, 9), 3), (date(2026, 1, 10), 2)):
        Path("params.yaml").write_text(f"as_of: {day}\n")
        assert stages()["paper"]["valid"] == kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("team", "--run", "b"), "--reason is empty"),
        (("team", "--run", "x", *BECAUSE), "the source has no such run; found 'x'; allowed: ['a'"),
        (("team", "--run", "b", "--undo"), "is not withdrawn; found 'b'"),
        (("taem", *BECAUSE), "no such source; found 'taem'"),
    ],
)
def test_what_cannot_be_is_refused(project: None, options: tuple[str, ...], message: str) -> None:
    refused = cli("remove", *options, "--by", "Ada")
    assert refused.returncode == 2 and message in refused.stderr
    assert not Path("data/internal/store/team/withdrawn.jsonl").exists()


def test_twice_is_once_and_all_are_listed(project: None) -> None:
    assert "nothing was ever withdrawn" in cli("remove").stdout
    cli("remove", "team", "--run", "b", *BECAUSE)
    assert "withdrawn already" in cli("remove", "team", "--run", "b", *BECAUSE).stdout
    cli("remove", "paper", *BECAUSE)
    cli("remove", "paper", "--undo", "--by", "Bob")
    assert "restored already" in cli("remove", "paper", "--undo", "--by", "Bob").stdout
    listed = cli("remove").stdout
    assert listed.count("\n") == 3
    assert f"paper: {TODAY} the whole source restored by Bob\n" in listed


def test_a_line_that_was_edited_is_named(project: None) -> None:
    cli("remove", "paper", *BECAUSE)
    file = Path("data/withdrawn/paper.jsonl")
    file.write_text(file.read_text().replace("true", '"yes"'))
    with pytest.raises(InputError, match=r"paper\.jsonl, row 1: not a line of withdrawals"):
        withdrawals.read(file)
