"""Faults on the real stack that kill no process of the flow: a disk, a clock, a parent."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scaling.io import atomic
from scaling.orchestration.server.temporary import answers, drain
from scaling.record.versions.verify import verify
from tests.e2e.orchestration.test_flow import CHECKOUT, RUN, versions
from tests.support.needs import COMPILER, DISK
from tests.support.ops_project import at_work, environment, free_port, hold, make, serving
from tests.support.waiting import Gate, end_of, gone, until


def refit(root: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)


def land(root: Path, text: str) -> None:
    (root / "data/published/more.csv").write_text(text)
    (root / "data/internal/landed.csv").write_text(text)


# A run that lost its parent -----------------------------------------------------------------------

CHILD = """
import sys, threading
from pathlib import Path
from scaling.orchestration.project_lock import hold_project
from scaling.orchestration.server.parent_watchdog import NAME
root = Path(sys.argv[1])
with hold_project(root):
    print("holds", NAME in [thread.name for thread in threading.enumerate()], flush=True)
    exec(sys.argv[2])
    (root / "end").write_text("reached")
"""
PARENT = """
import os, subprocess, sys
*command, starter, gate = sys.argv[1:]
os.environ.update({"PREFECT__FLOW_RUN_ID": "a"} if starter == "prefect" else {})
command = [sys.executable, "-c", *command, gate]
child = subprocess.Popen(command, stderr=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize(("starter", "ends"), [("prefect", True), ("person", False)])
def test_a_run_that_lost_its_parent_ends_and_gives_the_project_back(
    tmp_path: Path, starter: str, ends: bool
) -> None:
    """Only what Prefect's runner or worker started: a person may close the terminal."""
    gate = Gate(tmp_path / "gate")
    command = [sys.executable, "-c", PARENT, CHILD, str(tmp_path), starter, gate.line]
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    pipe = subprocess.PIPE  # of standard error too: its reader dies with the parent
    with subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stdout.readline() == f"holds {ends}\n"
        parent.kill()
    until(lambda: gone(child) if ends else child.ppid() != parent.pid)
    gate.open()
    until(lambda: gone(child))
    assert (tmp_path / "end").exists() == (not ends)
    with atomic.locked(tmp_path, waiting=lambda: pytest.fail("someone holds the project")):
        pass


@pytest.mark.slow
def test_when_serve_is_killed_its_run_ends_too_and_the_next_publishes_once(tmp_path: Path) -> None:
    root, env = make(tmp_path / "project"), environment(tmp_path / "prefect")
    gate = hold(root, "b")
    port = free_port()
    with serving(root, env, port) as parent:
        land(root, "first\n")
        until(lambda: at_work(root))
        parent.kill()
        parent.wait()
        until(lambda: not at_work(root))
    gate.open()
    assert refit(root, env).returncode == 0
    assert versions(root) == 1
    assert verify(root) == []


# A server that is gone ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_refit_whose_server_is_killed_ends_soon_and_the_next_completes(tmp_path: Path) -> None:
    """In the middle of a stage, which is finished; requests are not repeated for minutes then."""
    root, env = make(tmp_path / "project"), environment(tmp_path / "prefect")
    gate = hold(root, "b")
    with (tmp_path / "log").open("w+") as log:
        command = [sys.executable, "-c", RUN]
        child = subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log)
        until(lambda: at_work(root))
        [server] = [
            one
            for one in psutil.Process(child.pid).children(recursive=True)
            if "scaling.orchestration.server.temporary" in one.cmdline()
        ]
        server.kill()
        gate.open()
        assert end_of(child) == 1
        log.seek(0)
        said = log.read()
    assert "Prefect's server failed" in said and "Traceback" not in said
    assert "Error logging" not in said and "failed to process" not in said
    assert refit(root, env).returncode == 0
    assert versions(root) == 1 and verify(root) == []


def test_a_server_that_only_takes_connections_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing is sent to one that is gone."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: url}):
            assert not answers(0.5)
    for worker in (EventsWorker, APILogWorker):
        monkeypatch.setattr(worker, "drain_all", lambda **_: pytest.fail("it waits in vain"))
    with temporary_settings({PREFECT_API_URL: url}):
        drain()


# The disk -----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 40 MB; skips where mounting one is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        DISK.skip()
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_said_and_the_next_run_completes(small_disk: Path, tmp_path: Path) -> None:
    """Prefect's database lies elsewhere first, then on the full disk as well."""
    root = make(small_disk / "project")
    env = environment(tmp_path / "prefect")
    assert refit(root, env).returncode == 0
    land(root, ("x" * 60 + "\n") * 4000)
    filler = small_disk / "filler"
    with filler.open("wb") as handle:
        free = shutil.disk_usage(small_disk).free
        os.posix_fallocate(handle.fileno(), 0, free - 64 * 1024)
    full = refit(root, env)
    assert full.returncode == 1
    assert "no space left" in full.stderr.lower()
    assert versions(root) == 1 and verify(root) == []
    inside = refit(root, {**env, "PREFECT_HOME": str(small_disk / "prefect")})
    assert inside.returncode == 1 and "space" in inside.stderr
    assert "Traceback" not in inside.stderr
    filler.unlink()
    assert refit(root, env).returncode == 0
    assert versions(root) == 2 and verify(root) == []


# The clock ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_clock_that_jumps_back_is_refused_and_one_that_is_set_goes_on(tmp_path: Path) -> None:
    if (cc := shutil.which("cc")) is None:
        COMPILER.skip()
    library = tmp_path / "clock_shift.so"
    source = CHECKOUT / "benchmarks" / "clock_shift.c"
    command = [cc, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    root, env = make(tmp_path / "project"), environment(tmp_path / "prefect")
    assert refit(root, env).returncode == 0
    land(root, "first\n")
    back = refit(root, {**env, "LD_PRELOAD": str(library), "CLOCK_SHIFT": "-864000"})
    assert back.returncode == 1
    assert "the clock says" in back.stderr and "Set the clock" in back.stderr
    assert "Traceback" not in back.stderr
    assert versions(root) == 1
    assert refit(root, env).returncode == 0
    assert versions(root) == 2 and verify(root) == []
