"""Publishing: one version for one content, in a chain, of whole outputs."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from scaling.cli.display.version import shown
from scaling.errors import InputError
from scaling.pipeline.publish import publish
from scaling.record.versions.store import holding, is_published
from scaling.record.versions.verify import verify
from tests.support.publish_project import (
    FILES,
    NOON,
    PUBLISHED,
    content,
    fill,
    git,
    ledger,
    write_report,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path / "project")


def test_a_version_has_every_output_and_a_manifest(root: Path) -> None:
    made = publish(root, now=NOON)
    assert made.new
    assert sorted(content(root)) == sorted(
        ["ledger.jsonl", *(f"{made.version}/{name}" for name in PUBLISHED)]
    )
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["issued_at"] == "2020-01-01T12:00:00+00:00"
    assert manifest["made_by"]["seed"] == 7
    assert manifest["made_by"]["format"] == 2 and len(made.version) == 64
    assert list(manifest["made_by"]["code"]) == [
        "dvc.yaml", "scaling/cli", "scaling/fitting", "scaling/laws", "scaling/runs"
    ]  # fmt: skip
    assert list(manifest["made_by"]["data"]) == ["data/validated/a.parquet"]
    assert sorted([*manifest["files"], "manifest.json"]) == PUBLISHED
    assert verify(root) == []
    assert is_published(root)


def test_publishing_twice_is_one_version(root: Path) -> None:
    first = publish(root, now=NOON)
    before = content(root)
    second = publish(root)
    assert (second.version, second.new, second.restored) == (first.version, False, ())
    assert "already published" in second.sentence
    assert content(root) == before


def test_after_an_undone_change_the_version_before_holds(root: Path) -> None:
    first = publish(root, now=NOON).version
    assert holding(root)[1] == ""
    write_report(root, "# Another\n")
    second = publish(root, now=NOON).version
    write_report(root, "# Report\n")
    (root / "data/validated/a.parquet").write_text(FILES["data/validated/a.parquet"])
    again = publish(root, now=NOON)
    assert (again.version, again.new) == (first, False)
    assert f"which is not the newest version: {second[:12]} is" in again.sentence
    held, note = holding(root)
    assert held is not None and held.version == first and f"{second[:12]} is" in note
    assert shown(root / "reports", None)[0].name == first
    assert shown(root / "reports", second[:9])[0].name == second
    # Without the outputs, or with others that are not published, it is the newest.
    write_report(root, "# Not published\n")
    assert shown(root / "reports", None) == (root / "reports" / second, "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", "seed: 8\nstudies:\n  a: {source: a}\n"),
        ("requirements.lock", "polars==2.1.1\n"),
        ("scaling/laws/chinchilla.py", "E = 1.7\n"),
        ("scaling/laws/new.py", "E = 1.7\n"),
        ("laws/own.py", "LAW = 1\n"),
        ("scaling/fitting/solver.py", "DELTA = 1e-2\n"),
        ("data/validated/a.parquet", "other rows\n"),
        ("scaling/cli/main.py", "# other\n"),
        ("dvc.yaml", FILES["dvc.yaml"] + "\n# other\n"),
        ("data/thresholds/rules.csv", "other rules\n"),
    ],
)
def test_what_makes_a_version_makes_another_one(root: Path, name: str, text: str) -> None:
    first = publish(root, now=NOON).version
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)
    assert not is_published(root)
    assert publish(root, now=NOON).version != first
    assert ledger(root)[0]["version"] == first
    assert verify(root) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", "# a comment\n" + FILES["params.yaml"]),
        ("data/validated/unused.parquet", "no study is on it\n"),
        ("laws/README.md", "a note\n"),
        ("data/fits/a-study-that-is-gone.json", '{"E": 1.9}\n'),
        ("data/backtests/a-study-that-is-gone.json", "{}\n"),
    ],
)
def test_what_makes_no_number_makes_no_version(root: Path, name: str, text: str) -> None:
    first = publish(root, now=NOON).version
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)
    assert is_published(root)
    assert publish(root).version == first


def test_other_outputs_of_the_same_inputs_are_no_version_and_are_said(root: Path) -> None:
    first = publish(root, now=NOON)
    (root / "data/fits/a.json").write_text('{"E": 1.9}\n')
    again = publish(root, now=NOON)
    assert (again.version, again.new, again.other) == (first.version, False, ("fits/a.json",))
    assert "made here otherwise than published, from the same inputs: fits/a.json" in again.sentence


def test_the_ledger_is_a_chain(root: Path) -> None:
    for number in range(4):
        write_report(root, f"# Report {number}\n")
        publish(root, now=NOON)
    lines = (root / "reports/ledger.jsonl").read_bytes().splitlines(keepends=True)
    told = [json.loads(line)["previous"] for line in lines]
    assert told[0] is None
    assert told[1:] == [sha256(line) for line in lines[:-1]]


def sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_the_revision_and_whether_the_tree_differs_from_it(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    revision = git(root, "rev-parse", "HEAD").strip()
    clean = json.loads((publish(root, now=NOON).folder / "manifest.json").read_text())
    assert (clean["revision"], clean["dirty"]) == (revision, False)
    assert revision in clean["reproduce"]
    (root / "scaling/laws/new.py").write_text("E = 2\n")
    dirty = json.loads((publish(root, now=NOON).folder / "manifest.json").read_text())
    assert (dirty["revision"], dirty["dirty"]) == (revision, True)


@pytest.mark.parametrize(
    "name",
    ["reports/current", "data/forecasts/forecast.csv", "data/validated/a.parquet", "params.yaml"],
)
def test_a_missing_output_is_named(root: Path, name: str) -> None:
    path = root / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(InputError, match=f"{name}: is missing"):
        publish(root)
    assert not is_published(root)
    assert content(root) == {}


def test_a_report_of_other_forecasts_is_refused(root: Path) -> None:
    (root / "data/forecasts/forecast.csv").write_text("target,q0.5\nx,3.0\n")
    with pytest.raises(InputError, match="differs from"):
        publish(root)


def test_an_issue_time_without_a_zone_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="no time zone"):
        publish(root, now=datetime(2020, 1, 1))
    assert content(root) == {}


def test_nothing_published_is_no_problem(tmp_path: Path) -> None:
    assert verify(tmp_path) == []
