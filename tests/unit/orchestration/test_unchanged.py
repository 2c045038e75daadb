"""A project that is as it was is known without DVC; whatever may differ is left to DVC."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling.orchestration.dvc import unchanged
from scaling.orchestration.dvc.unchanged import is_as_noted, note, signature


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files count as old at once."""
    monkeypatch.setattr(unchanged, "TICK_SECONDS", 0.0)
    for name in ("dvc.yaml", "data/runs/a.csv", "data/.hidden/b.csv", ".dvc/cache/files/md5/ab/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a,b\n")
    (tmp_path / ".dvc/tmp").mkdir()
    note(tmp_path, signature(tmp_path))
    return tmp_path


def _same_size_and_old_date(root: Path) -> None:
    file = root / "data/runs/a.csv"
    dates = file.stat()
    file.write_text("c,d\n")
    os.utime(file, ns=(dates.st_atime_ns, dates.st_mtime_ns))


def _replaced(root: Path) -> None:
    beside = root / "data/new.csv"
    beside.write_text("a,b\n")
    beside.rename(root / "data/runs/a.csv")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a content of the same size under an old date": _same_size_and_old_date,
    "a file renamed into place": _replaced,
    "a file that is new": lambda root: (root / "data/runs/c.csv").write_text(""),
    "a file that is gone": lambda root: (root / "dvc.yaml").unlink(),
    "a hidden folder below": lambda root: (root / "data/.hidden/b.csv").write_text("x"),
    "DVC's cache": lambda root: (root / ".dvc/cache/files/md5/ab/c").unlink(),
    "DVC's settings": lambda root: (root / ".dvc/config.local").write_text("[core]"),
    "another DVC file": lambda root: (root / "data/x.dvc").write_text(""),
}


def test_a_project_as_it_was_is_known(project: Path) -> None:
    for name in (".git/index", ".dvc/tmp/lock", "data/__pycache__/a.pyc"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("other")
    assert is_as_noted(project, signature(project))


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_may_differ_is_left_to_dvc(project: Path, change: str) -> None:
    CHANGES[change](project)
    assert not is_as_noted(project, signature(project))


def test_a_folder_or_file_that_is_a_link_is_left_to_dvc(project: Path, tmp_path: Path) -> None:
    (project / "data/there").symlink_to(project / "data/runs")
    assert signature(project) is None
    (project / "data/there").unlink()
    (project / "data/none").symlink_to(project / "data/nowhere")
    assert signature(project) is None


def test_a_file_that_changed_just_now_is_left_to_dvc(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged, "TICK_SECONDS", 3600.0)
    assert signature(project) is None
    note(project, None)
    assert not is_as_noted(project, None)
    monkeypatch.setattr(unchanged, "TICK_SECONDS", 0.0)
    assert is_as_noted(project, signature(project))


def test_a_record_that_cannot_be_read_is_none(project: Path) -> None:
    (project / unchanged.RECORD).write_bytes(b"\xff\xfe")
    assert not is_as_noted(project, signature(project))
