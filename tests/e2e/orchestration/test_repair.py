"""DVC's own files cut short anywhere, as by a kill: the next flow reads them again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA

from scaling.orchestration.dvc import repair as module
from scaling.orchestration.dvc.repair import _is_dvc_lock, repair
from tests.support import ROOT
from tests.support.publish_project import git
from tests.support.waiting import until

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
    repair(root)
    assert not file.exists()
    assert "rwlock was cut short" in capsys.readouterr().err
    file.write_text("{}")
    repair(root)
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
        repair(root)
        assert (root / "dvc.lock").exists() == committed
        if committed:
            assert (root / "dvc.lock").read_text() == LOCK


def test_where_there_is_nothing_nothing_is_done(tmp_path: Path) -> None:
    repair(tmp_path)
    assert list(tmp_path.iterdir()) == []


def held(root: Path, pid: int) -> Path:
    """DVC's file as a stage of process ``pid`` leaves it while it runs."""
    file = root / ".dvc/tmp/rwlock"
    file.parent.mkdir(parents=True)
    entry = {"pid": pid, "cmd": "dvc repro"}
    file.write_text(json.dumps({"read": {"a": [entry]}, "write": {"b": entry}}))
    return file


def test_a_dvc_that_an_earlier_run_left_behind_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends only once it is waited for, and nothing goes on before it has ended."""
    # Called by a name that has dvc in it, as a real one is.
    command = [sys.executable, "-c", "input()", "dvc"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        file = held(tmp_path, child.pid)
        wait, ended = psutil.Process.wait, list[int | None]()

        def noted(self: psutil.Process, timeout: float | None = None) -> None:
            assert self.pid == child.pid and child.poll() is None
            assert child.stdin is not None
            child.stdin.write(b"\n")
            child.stdin.close()
            ended.append(wait(self, timeout))

        monkeypatch.setattr(psutil.Process, "wait", noted)
        repair(tmp_path)
    assert ended == [0]
    assert f"PID {child.pid}" in capsys.readouterr().err
    assert file.exists()


def test_a_number_that_is_another_process_now_holds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        file = held(tmp_path, child.pid)
        repair(tmp_path)
        assert not file.exists()
        assert f"PID {child.pid}" in capsys.readouterr().err
        assert child.poll() is None
        child.communicate(b"\n")


def test_a_dead_process_that_nobody_collected_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "", "dvc"]) as child:
        psutil_wait(child.pid)
        file = held(tmp_path, child.pid)
        repair(tmp_path)
        assert not file.exists()


def psutil_wait(pid: int) -> None:
    """Until the process has ended, without collecting it."""
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_process_that_is_gone_is_left_to_dvc(tmp_path: Path) -> None:
    file = held(tmp_path, 2**22 - 3)
    repair(tmp_path)
    assert file.exists()
