"""What is damaged, lost or foreign among versions is named, and restored from what there is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling.pipeline.publish import publish
from scaling.record.versions.ledger import PublishError
from scaling.record.versions.verify import verify
from tests.support.publish_project import NOON, PUBLISHED, content, fill, git, ledger, write_report


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path / "project")


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1])


def change(path: Path) -> None:
    path.write_bytes(b"x" + path.read_bytes()[1:])


@pytest.mark.parametrize("harm", [delete, truncate, change])
@pytest.mark.parametrize("name", [*PUBLISHED, "../ledger.jsonl"])
def test_a_damaged_file_is_named_and_restored(
    root: Path, harm: Callable[[Path], None], name: str
) -> None:
    write_report(root, "# First\n")
    publish(root, now=NOON)
    write_report(root, "# Second\n")
    version = publish(root, now=NOON).version
    before = content(root)
    harm(root / "reports" / version / name)
    assert any(Path(name).name in problem for problem in verify(root))
    again = publish(root)
    assert not again.new
    assert any(Path(name).name in file for file in again.restored)
    assert content(root) == before
    assert verify(root) == []


def test_a_lost_folder_is_made_again(root: Path) -> None:
    made = publish(root, now=NOON)
    before = content(root)
    shutil.rmtree(made.folder)
    assert f"reports/{made.version}/manifest.json: is missing" in verify(root)
    assert len(publish(root).restored) == len(PUBLISHED)
    assert content(root) == before


def test_ledger_and_manifest_both_lost_is_said(root: Path) -> None:
    made = publish(root, now=NOON)
    (root / "reports/ledger.jsonl").unlink()
    (made.folder / "manifest.json").unlink()
    with pytest.raises(PublishError, match=made.version):
        publish(root)


def test_what_is_nowhere_any_more_stops_publishing(root: Path) -> None:
    old = publish(root, now=NOON)
    write_report(root, "# Second\n")
    (old.folder / "report.md").unlink()
    with pytest.raises(PublishError, match=rf"reports/{old.version}/report.md: is missing"):
        publish(root)
    assert len(ledger(root)) == 1


def test_what_another_version_still_has_is_restored(root: Path) -> None:
    old = publish(root, now=NOON)
    write_report(root, "# Second\n")
    before = (old.folder / "report.html").read_bytes()
    (old.folder / "report.html").unlink()
    assert publish(root).new
    assert (old.folder / "report.html").read_bytes() == before


def test_what_git_has_is_restored(root: Path) -> None:
    git(root, "init", "-q")
    old = publish(root, now=NOON)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    before = content(root)
    shutil.rmtree(old.folder)
    (root / "reports/ledger.jsonl").unlink()
    write_report(root, "# Second\n")
    new = publish(root, now=NOON)
    assert {name: data for name, data in content(root).items() if name in before} == {
        **before,
        "ledger.jsonl": (root / "reports/ledger.jsonl").read_bytes(),
    }
    assert [line["version"] for line in ledger(root)] == [old.version, new.version]


def test_a_line_cut_from_the_end_of_a_committed_ledger_is_found(root: Path) -> None:
    git(root, "init", "-q")
    publish(root, now=NOON)
    write_report(root, "# Second\n")
    last = publish(root, now=NOON)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    path = root / "reports/ledger.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    shutil.rmtree(last.folder)
    assert any("ledger.jsonl" in problem for problem in verify(root))


def test_a_foreign_file_in_a_version_is_said(root: Path) -> None:
    made = publish(root, now=NOON)
    (made.folder / "notes.txt").write_text("mine\n")
    problem = f"reports/{made.version}/notes.txt: is not part of the version; move it elsewhere"
    assert verify(root) == [problem]
    with pytest.raises(PublishError, match="notes"):
        publish(root)


def test_a_changed_line_is_found_and_written_again(root: Path) -> None:
    for number in range(3):
        write_report(root, f"# Report {number}\n")
        publish(root, now=NOON)
    path = root / "reports/ledger.jsonl"
    before = path.read_bytes()
    for number in range(3):
        lines = before.splitlines(keepends=True)
        lines[number] = lines[number].replace(b"2020", b"2019")
        path.write_bytes(b"".join(lines))
        assert any("ledger.jsonl: line" in problem for problem in verify(root))
        publish(root)
        assert path.read_bytes() == before


@pytest.mark.parametrize("inbox", [None, "outs:\n- md5: 1234.dir\n  path: store\n", "before"])
def test_a_lost_manifest_comes_back_with_what_it_said_of_the_inbox(
    root: Path, monkeypatch: pytest.MonkeyPatch, inbox: str | None
) -> None:
    """Also one from before manifests said anything of it; the id does not depend on it."""
    if inbox == "before":
        monkeypatch.setattr("scaling.record.versions.store.inputs", lambda root: {})
    elif inbox is not None:
        (root / "data/internal").mkdir()
        (root / "data/internal/store.dvc").write_text(inbox)
    made = publish(root, now=NOON)
    file = made.folder / "manifest.json"
    kept = file.read_bytes()
    assert json.loads(kept).get("inbox", "before") == inbox
    file.unlink()
    monkeypatch.undo()
    again = publish(root)
    assert again.restored and file.read_bytes() == kept
    assert (again.version, verify(root)) == (fill_version(root), [])


def fill_version(root: Path) -> str:
    shutil.rmtree(root / "data/internal", ignore_errors=True)
    return publish(root).version
