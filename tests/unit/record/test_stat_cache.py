"""Versions that did not change are not read again; those that did are, and the clock is watched."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from scaling.pipeline.publish import publish
from scaling.record.versions import check, stat_cache
from scaling.record.versions.check import appears_intact
from scaling.record.versions.ledger import PublishError, read_lines
from scaling.record.versions.stat_cache import FILE, SETTLED_NS
from scaling.record.versions.verify import verify
from tests.support.publish_project import NOON, fill, write_report


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two versions that were seen long after they were written."""
    project = fill(tmp_path / "project")
    publish(project, now=NOON)
    write_report(project, "# Second\n")
    publish(project, now=NOON)
    later = time.time_ns() + 10**6 * SETTLED_NS
    monkeypatch.setattr(check, "clock_ns", lambda: later)
    assert appears_intact(project)
    return project


def read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions whose bytes are read in a look."""
    read: list[str] = []
    check_version = check._check_version

    def noted(history: check._History, entry: check.Entry) -> None:
        read.append(entry.version)
        check_version(history, entry)

    with monkeypatch.context() as patch:
        patch.setattr(check, "_check_version", noted)
        appears_intact(root)
    return read


def versions(root: Path) -> list[Path]:
    return sorted(path.parent for path in (root / "reports").glob("*/manifest.json"))


def test_what_did_not_change_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_again(root, monkeypatch) == []
    assert verify(root) == []


def test_what_changed_is_read_even_with_its_size_and_time_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The newest, which the present outputs can restore.
    newest = read_lines((root / "reports/ledger.jsonl").read_bytes())[0][-1].version
    file = root / "reports" / newest / "report.md"
    facts, old = file.stat(), file.read_bytes()
    file.write_bytes(old.replace(b"#", b"!"))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert read_again(root, monkeypatch) == [file.parent.name]
    assert not appears_intact(root)
    assert publish(root, now=NOON).restored
    assert appears_intact(root) and verify(root) == []


@pytest.mark.parametrize("harm", ["removed", "added", "replaced", "ledger"])
def test_any_other_harm_is_seen(root: Path, harm: str) -> None:
    # The newest, which the present outputs can restore.
    newest = read_lines((root / "reports/ledger.jsonl").read_bytes())[0][-1].version
    file = root / "reports" / newest / "report.md"
    if harm == "removed":
        file.unlink()
    elif harm == "added":
        (file.parent / "more.txt").write_text("more\n")
    elif harm == "replaced":
        other = file.with_name("other")
        other.write_text("x" * file.stat().st_size)
        other.replace(file)
    else:
        ledger = root / "reports/ledger.jsonl"
        ledger.write_bytes(ledger.read_bytes().replace(b"2020", b"2019"))
    assert not appears_intact(root)
    assert verify(root) != []


def test_a_file_that_is_too_new_is_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    monkeypatch.setattr(check, "clock_ns", lambda: now)
    write_report(root, "# Third\n")
    third = publish(root, now=NOON).version
    assert third in read_again(root, monkeypatch)
    assert third in read_again(root, monkeypatch)


@pytest.fixture
def many(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Seven versions, oldest first, of which a look asks about the newest two and one more."""
    monkeypatch.setattr(stat_cache, "NEWEST", 2)
    monkeypatch.setattr(stat_cache, "OLDER", 1)
    for number in range(5):
        write_report(root, f"# {number}\n")
        publish(root, now=NOON)
    assert appears_intact(root)
    lines = (root / "reports/ledger.jsonl").read_text().splitlines()
    return [json.loads(line)["version"] for line in lines]


def test_older_versions_take_turns(root: Path, many: list[str]) -> None:
    file = root / "reports" / many[0] / "report.md"
    whole = file.read_bytes()
    file.write_bytes(whole + b"x")
    assert verify(root) != []
    looks = [appears_intact(root) for _ in range(5)]
    assert looks.count(False) >= 1
    # Once it was found it is read in every look, until it is whole again.
    assert not appears_intact(root) and not appears_intact(root)
    file.write_bytes(whole)
    assert all(appears_intact(root) for _ in range(6)) and verify(root) == []


def test_a_whole_turn_asks_about_every_version(
    root: Path, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    status = stat_cache._status
    monkeypatch.setattr(
        stat_cache, "_status", lambda folder: asked.append(folder.name) or status(folder)
    )
    appears_intact(root)
    assert len(asked) == 3
    for _ in range(4):
        appears_intact(root)
    assert sorted(asked) == sorted([*many[:-2], *(many[-2:] * 5)])


def test_the_newest_and_a_lost_folder_are_seen_at_once(root: Path, many: list[str]) -> None:
    newest = root / "reports" / many[-1] / "report.md"
    whole = newest.read_bytes()
    newest.write_bytes(whole + b"x")
    assert not appears_intact(root)
    newest.write_bytes(whole)
    for name in many[:5]:
        (root / "reports" / name).rename(root / name)
        assert not appears_intact(root)
        (root / name).rename(root / "reports" / name)
    assert appears_intact(root) and verify(root) == []


def test_a_version_that_comes_back_otherwise_is_read(root: Path, many: list[str]) -> None:
    for name in many[:5]:
        (root / "reports" / name).rename(root / name)
        assert not appears_intact(root)
        file = root / "reports" / name / "report.md"
        (root / name).rename(file.parent)
        whole = file.read_bytes()
        file.write_text("other\n")
        assert not appears_intact(root), name
        file.write_bytes(whole)
        assert appears_intact(root)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": 1}', b'{"a": ["x", {"b": 1}]}', b"\xff"])
def test_a_damaged_memory_only_costs_time(root: Path, content: bytes) -> None:
    (root / "reports" / FILE).write_bytes(content)
    assert appears_intact(root)


def test_lines_that_were_read_before_are_compared_byte_by_byte(root: Path) -> None:
    write_report(root, "# Third\n")
    publish(root, now=NOON)
    whole = (root / "reports/ledger.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    every, wrong = read_lines(whole)
    assert (len(every), wrong) == (3, None)
    assert read_lines(whole[: len(lines[0]) + len(lines[1])]) == (every[:2], None)
    assert read_lines(lines[0]) == (every[:1], None)
    assert read_lines(whole) == (every, None)
    assert read_lines(b"") == ([], None)
    for at, line in enumerate(lines):
        harmed = line.replace(b'"2', b'"3', 1)
        assert harmed != line
        found, wrong = read_lines(b"".join([*lines[:at], harmed, *lines[at + 1 :]]))
        assert found[:at] == every[:at]
        # Nothing in the ledger vouches for its last line; its manifest does.
        assert (wrong is None) == (at == 2) and found[at:] != every[at:]
    assert read_lines(whole[:-1]) == (every[:2], "line 3 is not as it was written")
    assert read_lines(whole + b"x")[1] == "line 4 cannot be read"
    assert read_lines(whole) == (every, None)
    every.clear()
    assert len(read_lines(whole)[0]) == 3


def test_issue_times_do_not_go_back(root: Path) -> None:
    write_report(root, "# Third\n")
    before = (root / "reports/ledger.jsonl").read_bytes()
    with pytest.raises(PublishError, match=r"the clock says .* was issued at") as refused:
        publish(root, now=NOON - timedelta(seconds=1))
    last = (root / "reports/ledger.jsonl").read_text().splitlines()[-1]
    assert str(refused.value).split("--corrects ")[1].split()[0] in last
    assert (root / "reports/ledger.jsonl").read_bytes() == before
    assert verify(root) == []
    assert publish(root, now=NOON).new


def test_a_version_that_was_dated_ahead_can_be_corrected(root: Path) -> None:
    write_report(root, "# Ahead\n")
    ahead = publish(root, now=NOON + timedelta(days=400)).version
    write_report(root, "# Right\n")
    with pytest.raises(PublishError, match=f"--corrects {ahead[:12]}"):
        publish(root, now=NOON)
    publish(root, now=NOON, corrects=ahead, reason="its clock was ahead")
    assert verify(root) == []
