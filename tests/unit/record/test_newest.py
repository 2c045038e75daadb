"""Publishing reads the newest versions, a ledger's new lines, and watches the clock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from scaling.pipeline.publish import publish
from scaling.record.versions import check
from scaling.record.versions.check import appears_intact
from scaling.record.versions.ledger import PublishError, read_lines
from scaling.record.versions.verify import verify
from tests.support.publish_project import NOON, fill, ledger, write_report


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two versions."""
    project = fill(tmp_path / "project")
    publish(project, now=NOON)
    write_report(project, "# Second\n")
    publish(project, now=NOON)
    return project


@pytest.fixture
def many(root: Path) -> list[str]:
    """Seven versions, oldest first, of which the tree holds three whole."""
    (root / "scaling.toml").write_text("[workspace]\nwhole_versions = 3\n")
    for number in range(5):
        write_report(root, f"# {number}\n")
        publish(root, now=NOON)
    return [str(line["version"]) for line in ledger(root)]


def test_a_look_reads_the_newest_versions_alone(
    root: Path, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    check_version = check._check_version

    def noted(history: check._History, entry: check.Entry, *, old: bool) -> None:
        read.append(entry.version)
        check_version(history, entry, old=old)

    monkeypatch.setattr(check, "_check_version", noted)
    assert appears_intact(root)
    assert read == many[-3:]
    read.clear()
    assert verify(root) == []
    assert read == many


@pytest.mark.parametrize("harm", ["removed", "changed", "added", "ledger"])
def test_harm_to_the_newest_is_seen_at_once(root: Path, many: list[str], harm: str) -> None:
    file = root / "reports" / many[-1] / "report.md"
    if harm == "removed":
        file.unlink()
    elif harm == "changed":
        file.write_bytes(file.read_bytes().replace(b"#", b"!"))
    elif harm == "added":
        (file.parent / "more.txt").write_text("more\n")
    else:
        lines = root / "reports/ledger.jsonl"
        lines.write_bytes(lines.read_bytes().replace(b"2020", b"2019"))
    assert not appears_intact(root)
    assert verify(root) != []


def test_harm_to_an_older_version_is_found_by_verify(root: Path, many: list[str]) -> None:
    file = root / "reports" / many[0] / "report.md"
    whole = file.read_bytes()
    file.write_bytes(whole + b"x")
    assert appears_intact(root)
    assert verify(root) == [f"reports/{many[0]}/report.md: is not what was published"]
    file.write_bytes(whole)
    assert verify(root) == []


def test_a_lost_folder_is_seen_at_once(root: Path, many: list[str]) -> None:
    for name in many:
        (root / "reports" / name).rename(root / name)
        assert not appears_intact(root)
        (root / name).rename(root / "reports" / name)
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
