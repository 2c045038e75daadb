"""Faults on the real stack that kill no process of the flow: a disk, a clock, a parent."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scaling.orchestration.server.temporary import answers, drain
from scaling.record.versions.check import verify
from tests.e2e.orchestration.test_flow import CHECKOUT, RUN, versions
from tests.support.ops_project import environment, free_port, make, serving, until


def refit(root: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)


def land(root: Path, text: str) -> None:
    (root / "data/published/more.csv").write_text(text)
    (root / "data/internal/landed.csv").write_text(text)


def slow_stage(root: Path, seconds: int) -> str:
    """Have the fit of b take its time; what the stage was before."""
    slow = f"import time; time.sleep({seconds} * (sys.argv[1] == 'b'))\n"
    stage = (root / "stage.py").read_text()
    (root / "stage.py").write_text(stage.replace("name, source", slow + "name, source", 1))
    return stage


# A run that lost its parent -----------------------------------------------------------------------

CHILD = """
import sys, time
from pathlib import Path
from scaling.orchestration.project_lock import hold_project
with hold_project(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(120)
"""
PARENT = """
import os, subprocess, sys, time
os.environ.update({"PREFECT__FLOW_RUN_ID": "a"} if sys.argv[3] == "prefect" else {})
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]], stderr=subprocess.PIPE)
print(child.pid, flush=True)
time.sleep(120)
"""


@pytest.mark.parametrize(("starter", "ends"), [("prefect", True), ("person", False)])
def test_a_run_that_lost_its_parent_ends_and_gives_the_project_back(
    tmp_path: Path, starter: str, ends: bool
) -> None:
    """Only what Prefect's runner or worker started: a person may close the terminal."""
    command = [sys.executable, "-c", PARENT, CHILD, str(tmp_path), starter]
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    pipe = subprocess.PIPE  # of standard error too: its reader dies with the parent
    with subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stdout.readline() == "holds\n"
        parent.kill()
    if ends:
        child.wait(20)
    else:
        time.sleep(2.5)
        child.kill()


@pytest.mark.slow
def test_when_serve_is_killed_its_run_ends_too_and_the_next_publishes_once(tmp_path: Path) -> None:
    root, env = make(tmp_path / "project"), environment(tmp_path / "prefect")
    stage = slow_stage(root, 30)
    port = free_port()
    with serving(root, env, port) as parent:
        land(root, "first\n")
        until(lambda: _at_work(root))
        parent.kill()
        parent.wait()
        start = time.monotonic()
        until(lambda: not _at_work(root), 25)
        assert time.monotonic() - start < 25
    (root / "stage.py").write_text(stage)
    assert refit(root, env).returncode == 0
    assert versions(root) == 1
    assert verify(root) == []


def _at_work(root: Path) -> bool:
    """Whether a stage of the project runs."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if "stage.py" in words and "b" in words and process.info["cwd"] == str(root):
            return True
    return False


# A server that is gone ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_refit_whose_server_is_killed_ends_soon_and_the_next_completes(tmp_path: Path) -> None:
    """In the middle of a stage, which is finished; it used to take five minutes from there."""
    root, env = make(tmp_path / "project"), environment(tmp_path / "prefect")
    stage = slow_stage(root, 5)
    with (tmp_path / "log").open("w+") as log:
        command = [sys.executable, "-c", RUN]
        child = subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log)
        until(lambda: _at_work(root))
        [server] = [
            one
            for one in psutil.Process(child.pid).children(recursive=True)
            if "scaling.orchestration.server.temporary" in one.cmdline()
        ]
        server.kill()
        start = time.monotonic()
        assert child.wait(300) == 1
        took = time.monotonic() - start
        log.seek(0)
        said = log.read()
    assert took < 75, took
    assert "Prefect's server failed" in said and "Traceback" not in said
    assert "Error logging" not in said and "failed to process" not in said
    (root / "stage.py").write_text(stage)
    assert refit(root, env).returncode == 0
    assert versions(root) == 1 and verify(root) == []


def test_a_server_that_only_takes_connections_does_not_answer() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: url}):
            assert not answers(0.5)
    with temporary_settings({PREFECT_API_URL: url}):
        start = time.monotonic()
        drain()
        assert time.monotonic() - start < 10


# The disk -----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 40 MB; skips where mounting one is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk needs root and a mount")
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
        pytest.skip("shifting a clock needs a C compiler")
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
