"""Quarantine as people handle it: listed, explained, released with a signed reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from scaling.cli.main import app
from scaling.errors import InputError
from scaling.pipeline import validate
from scaling.runs.validation import quarantine, releases
from scaling.runs.validation.releases import Release
from tests.unit.runs.test_validation import _table

SHARE = {"metric_kind": "accuracy", "unit": "fraction", "value": 1.2, "metric": "accuracy@x"}
SIGNED: Mapping[str, Any] = {"by": "Ada", "at": "2025-01-01T00:00:00+00:00", "identity": "A <a@b>"}


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("validated")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _write({}, SHARE, {"value": None}, {"value": -1.0})
        validate.main()
    return folder


@pytest.fixture
def project(validated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(validated, folder)
    monkeypatch.chdir(folder)
    return folder


def _write(*changes: Mapping[str, Any]) -> None:
    validate.RUNS.mkdir(parents=True, exist_ok=True)
    _table(*changes).write_parquet(validate.RUNS / "team.parquet")


def _rows(folder: Path) -> list[int]:
    return [int(run[1:]) for run in pl.read_parquet(folder / "team.parquet")["run"]]


def _say(*words: str) -> str:
    result = CliRunner().invoke(app, ["quarantine", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_released_row_passes_and_says_so_until_it_changes(project: Path) -> None:
    said = _say("release", "team:2", "--reason", "scaled scores", "--by", "Ada")
    assert "team.csv, row 2: released from share" in said
    assert _rows(validate.QUARANTINE) == [2, 3, 4]
    validate.main()
    assert (_rows(validate.VALIDATED), _rows(validate.QUARANTINE)) == ([1, 2], [3, 4])
    passed = pl.read_parquet(validate.VALIDATED / "team.parquet").row(1, named=True)
    assert (passed["value"], passed["flags"]) == (1.2, "released:share")
    found = pl.read_parquet(validate.FINDINGS).filter(pl.col("row") == 2)
    assert found["outcome"].to_list() == ["released"]
    assert "scaled scores" in _say("released")
    _write({}, SHARE | {"value": 1.3}, {"value": None}, {"value": -1.0})
    validate.main()
    assert _rows(validate.QUARANTINE) == [2, 3, 4]


def test_list_and_explain_name_place_found_and_allowed(project: Path) -> None:
    said = _say("list")
    assert "team:2  r2" in said and "3 rows in quarantine." in said
    assert _say("list", "--source", "other") == "0 rows in quarantine.\n"
    named = quarantine.listed().row(0, named=True)["id"][:8]
    for name in ("team:2", named):
        said = _say("explain", name)
        assert "error share (quarantined)" in said
        assert "team.csv, row 2, column 'value': found 1.2; allowed: >= 0 and <= 1" in said
        assert "Accuracies and errors in fractions lie between 0 and 1." in said


@pytest.mark.parametrize(
    ("names", "reason", "message"),
    [
        (["team:3"], "x", "row 3, column 'value': cannot be released: required:value"),
        (["team:1"], "x", "no such row in quarantine"),
        (["team"], "x", "no such row in quarantine"),
        (["ffffff"], "x", "no such row in quarantine"),
        (["team:2"], " ", "--reason is empty"),
        (["team:2", "team:3"], "x", "cannot be released"),
    ],
)
def test_release_that_is_refused_writes_nothing(
    names: list[str], reason: str, message: str, project: Path
) -> None:
    with pytest.raises(InputError, match=message):
        quarantine.release(names, reason=reason, **SIGNED)
    assert not releases.RELEASES.exists()


def test_nothing_validated_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="nothing has been validated here"):
        quarantine.listed()


def _release(number: int) -> Release:
    return Release(
        f"{number:064x}", "team", "team.csv, row 1", ("share",), "why", previous=None, **SIGNED
    )


def test_releases_are_chained_and_only_ever_added(tmp_path: Path) -> None:
    path = tmp_path / "releases.jsonl"
    first = releases.appended(path, [_release(1), _release(2)])
    before = path.read_bytes()
    third = releases.appended(path, [_release(3)])
    assert path.read_bytes().startswith(before)
    assert releases.read(path) == [*first, *third]
    assert third[0].previous == first[1].digest()
    assert releases.released(first) == {f"{n:064x}": frozenset({"share"}) for n in (1, 2)}


@pytest.mark.parametrize("damage", ["edit", "drop", "swap", "garbage", "cut", "key"])
def test_a_broken_chain_of_releases_stops_validation(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    path = releases.RELEASES
    releases.appended(path, [_release(n) for n in range(3)])
    lines = path.read_bytes().splitlines(keepends=True)
    lines = {
        "edit": [lines[0].replace(b"why", b"because"), *lines[1:]],
        "drop": [lines[0], lines[2]],
        "swap": [lines[1], lines[0], lines[2]],
        "garbage": [*lines, b"\xff{\n"],
        "cut": [*lines[:2], lines[2][:-9]],
        "key": [*lines, json.dumps({"row": "x"}).encode() + b"\n"],
    }[damage]
    path.write_bytes(b"".join(lines))
    before = validate.REPORT.read_bytes()
    with pytest.raises(SystemExit) as stop:
        validate.main()
    assert stop.value.code == 2
    assert "the chain of releases is broken" in capsys.readouterr().err
    assert validate.REPORT.read_bytes() == before


def test_a_rows_id_is_of_its_content_alone() -> None:
    row = _table({}).row(0, named=True)
    same = row | {"file": "moved.csv", "row": 9, "recorded": None, "payload": "abc"}
    assert releases.row_id(row) == releases.row_id(same)
    assert releases.row_id(row) != releases.row_id(row | {"value": 2.51})
    assert releases.row_id(row) != releases.row_id(row | {"note": "n"})
