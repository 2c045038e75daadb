"""`scaling add` refuses what it would have to guess, and changes nothing then."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from scaling.errors import InputError
from scaling.runs.inbox import store
from scaling.runs.inbox.mapping import Options
from tests.e2e.runs.test_add import TRACKERS
from tests.support.inbox_project import (
    MAPS,
    OPTIONS,
    TABLE,
    add_text,
    project,
    scaling_add,
    table,
    tree,
)
from tests.support.trackers.make_files import unpack

__all__ = ["project"]


REFUSED = {
    "unit in the name": (
        TABLE.replace("N,", "N_B,"),
        ["params=N_B"],
        r"speaks of 'B', and no unit is stated; allowed: 1, k, M, B, T. State it: "
        "--map params=N_B:B, or --map params=N_B:1",
    ),
    "small counts": (
        TABLE.replace("7B", "7").replace("1.3e10", "13"),
        [],
        "row 1, column 'N': too small for a language model, and no unit is stated; found 7.0; .* "
        "Probably --map params=N:B; where it is no language model, --map params=N:1",
    ),
    "unit twice": (
        TABLE,
        ["params=N:B"],
        "row 1, column 'N': a unit in the cell and in the mapping",
    ),
    "unknown column of ours": (TABLE, ["parms=N"], "no column 'parms'.*Did you mean 'params'"),
    "unknown unit": (TABLE, ["params=N:Q"], "there is no 'N:Q'.*Units of params: 1, k, M, B, T"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_nothing_is_guessed(project: Path, kind: str) -> None:
    text, maps, message = REFUSED[kind]
    before = tree("data")
    options = Options([*OPTIONS.maps, *maps], OPTIONS.metrics, ignore=OPTIONS.ignore)
    with pytest.raises(InputError) as refused:
        add_text(text, 5, options)
    assert re.search(message, str(refused.value).replace("\n", " ")), str(refused.value)
    assert tree("data") == before


def test_cells_that_cannot_be_read_go_to_quarantine(project: Path) -> None:
    said = add_text(TABLE.replace("260B", "lots"), 5)
    assert any(
        "1 row has cells that cannot be read" in line and "row 2, tokens 'lots'" in line
        for line in said
    )
    assert json.loads(table("team")["unparsed"][1]) == {"tokens": "lots"}


def test_other_refusals(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unpack("mlflow-sqlite", Path("in"))
    Path("in/mlflow.db-wal").write_bytes(b"x")
    cases = [
        (("in/none.csv",), "no such file"),
        (("in/team.csv", "--as", "paper", *MAPS), "the name of a published source"),
        (("in/team.csv", "--as", "No Name", *MAPS), "is not a name for a source"),
        (("in/mlflow.db",), "the database is in use"),
        (("data/internal/README.md",), "lies in the inbox"),
        (("in/team.csv", "--metric", "val_loss=loss@c4:nat/token"), "Did you mean 'nats/token'"),
        (("in/team.csv", "--metric", "val_loss=los@c4:nats/token"), "not the id of a metric"),
        (("in/team.csv", *MAPS, "--metric", "val_loss=loss@c4:bits/byte:nats/token"), "rate"),
    ]
    before = tree("data")
    for arguments, message in cases:
        assert scaling_add(*arguments) == 2, arguments
        assert message in capsys.readouterr().err
    assert tree("data") == before


def test_a_name_is_not_an_identity(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unpack("lightning", Path("in")) / "small/version_0"
    _, maps, rest, _ = TRACKERS["lightning"]
    assert scaling_add(folder, "--as", "team", *maps, *rest) == 0
    other = Path("in/other/small/version_0")
    shutil.copytree(folder, other)
    hparams = other / "hparams.yaml"
    hparams.write_text(hparams.read_text().replace("0.003", "0.001"))
    day = ("--set", "observed=2026-01-02")
    assert scaling_add(other, "--as", "team", *day) == 2
    assert "run 'small/version_0' is there with lr 0.003" in capsys.readouterr().err
    assert scaling_add(other, "--as", "team", "--correct", *day) == 0
    assert table("team", "lr").unique().rows() == [(0.001,)]


def test_log_lines_stay_in_their_folder(project: Path) -> None:
    add_text(TABLE, 5)
    log = Path("data/internal/store/team/log.jsonl")
    log.write_text(log.read_text().replace("team.csv", "../../../../in/team.csv"))
    with pytest.raises(InputError, match="leads out of its folder"):
        store.read_log(log.parent)
