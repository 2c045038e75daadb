"""DVC's own files cut short anywhere, as by a kill: the next flow reads them again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA

from flows import mend as module
from flows.mend import _is_dvc_lock, mend
from tests.conftest import ROOT
from tests.test_publish import git

LOCK = (ROOT / "dvc.lock").read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / "dvc.lock").write_text(LOCK)
    return tmp_path


def test_whatever_passes_for_whole_is_read_by_dvc() -> None:
    assert _is_dvc_lock(LOCK)
    ends = [*range(0, len(LOCK), 211), *(n + 1 for n in range(len(LOCK)) if LOCK[n] == "\n")]
    for end in ends[:: max(1, len(ends) // 400)]:
        if _is_dvc_lock(LOCK[:end]):
            COMPILED_LOCKFILE_SCHEMA(yaml.load(LOCK[:end], Loader=yaml.CSafeLoader))


@pytest.mark.parametrize("text", ["", "{", '{"write": {"/a": {"pid": 1, "c'])
def test_a_broken_record_of_who_is_busy_is_removed(
    root: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = root / ".dvc/tmp/rwlock"
    file.write_text(text)
    mend(root)
    assert not file.exists()
    assert "rwlock was cut short" in capsys.readouterr().err
    file.write_text("{}")
    mend(root)
    assert file.read_text() == "{}"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("committed", [True, False])
def test_a_broken_lock_file_is_put_back_from_git_or_begun_again(
    root: Path, committed: bool
) -> None:
    if committed:
        git(root, "init", "-q")
        git(root, "add", "dvc.lock")
        git(root, "commit", "-qm", "a")
    for broken in ("", "schema: '2.0'\nstages:\n  a:\n    cm", LOCK[: LOCK.index("md5: ")]):
        (root / "dvc.lock").write_text(broken)
        mend(root)
        assert (root / "dvc.lock").exists() == committed
        if committed:
            assert (root / "dvc.lock").read_text() == LOCK


def test_where_there_is_nothing_nothing_is_done(tmp_path: Path) -> None:
    mend(tmp_path)
    assert list(tmp_path.iterdir()) == []
