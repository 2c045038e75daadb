"""`scaling serve` on the real stack: schedules and the inbox, alerts, kills, remotes that fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from scaling.errors import InputError
from scaling.orchestration.server.serve import deployment, read
from scaling.orchestration.server.temporary import standing_server
from scaling.orchestration.watch_inbox import state
from scaling.record.versions.verify import verify
from tests.e2e.orchestration.test_flow import CHECKOUT, git, versions
from tests.support.ops_project import ask, ended, environment, free_port, hold, make, serving
from tests.support.waiting import until


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "project")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "prefect")


def land(root: Path, text: str) -> None:
    """New runs: the stages of the small project read them from data/published."""
    (root / "data/published/more.csv").write_text(text)
    (root / "data/internal/landed.csv").write_text(text)


def test_each_deployment_says_what_it_does_and_takes_typed_parameters() -> None:
    for spec in read(CHECKOUT / "prefect.yaml"):
        made = deployment(CHECKOUT, spec)
        assert made.description.endswith(".") and made.description.count(".") == 1
        assert made.tags[0] == "scaling" and made.concurrency_limit == 1
        known = made._parameter_openapi_schema.properties
        assert set(spec["parameters"]) <= set(known)
        assert all("type" in field or "anyOf" in field for field in known.values())
    with pytest.raises(InputError, match="allowed: refit"):
        read(CHECKOUT / "prefect.yaml", ["refits"])


def test_a_file_still_being_written_has_not_landed(root: Path) -> None:
    before = state(root)
    (root / "data/internal/.runs.csv").write_text("half")
    (root / "data/internal/runs.csv.partial").write_text("half")
    assert state(root) == before
    (root / "data/internal/runs.csv").write_text("whole")
    assert len(state(root)) == 1


@pytest.mark.slow
def test_runs_that_land_are_published_and_nothing_new_ends_at_once(
    root: Path, env: dict[str, str]
) -> None:
    port = free_port()
    with serving(root, env, port):
        land(root, "first\n")
        until(lambda: ended(port) == ["COMPLETED"])
        land(root, "second\n")
        until(lambda: len(ended(port)) == 2)
        (root / "data/internal/another.csv").write_text("known already\n")
        until(lambda: len(ended(port)) == 3)
        assert set(ended(port)) == {"COMPLETED"}
        assert versions(root) == 2
        names = sorted(run["name"].split()[0] for run in ask(port, "flow_runs") if run["end_time"])
        assert names == ["nothing", "published", "published"]
        kinds = {item["key"] for item in ask(port, "artifacts")}
        assert {"headline", "changes", "report"} <= kinds
    assert verify(root) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["flow", "stage", "server", "serve"])
def test_killed_anywhere_a_later_run_completes_and_publishes_once(
    root: Path, env: dict[str, str], victim: str
) -> None:
    gate = hold(root, "b")
    port = free_port()
    with serving(root, env, port) as parent:
        land(root, "first\n")
        until(lambda: _find(parent.pid, "stage.py b"))
        words = {
            "flow": "prefect.engine",
            "stage": "stage.py b",
            "server": "scaling.orchestration.server.temporary",
        }
        for process in [parent] if victim == "serve" else _find(parent.pid, words[victim])[:1]:
            os.kill(process.pid, signal.SIGKILL)
        gate.open()
        if victim == "stage":
            until(lambda: ended(port) == ["COMPLETED"])
        if victim == "flow":
            until(lambda: ended(port) == ["CRASHED"])
    port = free_port()
    with serving(root, env, port):
        until(lambda: "COMPLETED" in ended(port)[-1:])
        until(lambda: not [r for r in ask(port, "flow_runs") if r["state_type"] == "RUNNING"])
    assert versions(root) == 1
    assert verify(root) == []


def _find(pid: int, words: str) -> list[psutil.Process]:
    """The processes below this one whose command has these words."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            command = " ".join(child.cmdline())
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if words in command and "dvc/command.py" not in command and "sh -c" not in command:
            found.append(child)
    return found


# Faults that are not kills ----------------------------------------------------------------------


@pytest.mark.slow
def test_a_remote_that_fails_costs_no_version_and_the_next_run_shares_it(
    root: Path, env: dict[str, str], tmp_path: Path
) -> None:
    file = root / "prefect.yaml"
    content = yaml.safe_load(file.read_text())
    content["deployments"][0]["parameters"]["git_remote"] = "origin"
    file.write_text(yaml.safe_dump(content))
    git(root, "remote", "add", "origin", str(tmp_path / "hub.git"))
    port = free_port()
    with serving(root, env, port):
        land(root, "first\n")
        until(lambda: ended(port) == ["FAILED"])
        assert versions(root) == 1
        git(tmp_path, "init", "-q", "--bare", "-b", "main", "hub.git")
        (root / "data/internal/another.csv").write_text("again\n")
        until(lambda: ended(port) == ["FAILED", "COMPLETED"])
    assert versions(root) == 1
    assert git(tmp_path / "hub.git", "tag", "--list").startswith("forecast/")


@pytest.mark.slow
def test_a_corrupted_cache_is_told_or_made_again(root: Path, env: dict[str, str]) -> None:
    port = free_port()
    with serving(root, env, port):
        land(root, "first\n")
        until(lambda: ended(port) == ["COMPLETED"])
        for file in (root / ".dvc/cache/files/md5").rglob("*"):
            if file.is_file():
                file.chmod(0o644)
                file.write_bytes(b"garbage")
        land(root, "second\n")
        until(lambda: len(ended(port)) == 2)
    assert versions(root) == 2
    assert verify(root) == []
    assert (root / "data/validated/report.html").read_text() == "second\nrow\n"


@pytest.mark.slow
def test_on_a_work_pool(root: Path, env: dict[str, str]) -> None:
    """`prefect deploy` with this project's prefect.yaml, and a process worker."""
    port = free_port()
    here = {**env, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "SCALING_ROOT": str(root)}

    def prefect(*arguments: str, cwd: Path = CHECKOUT) -> None:
        command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
        done = subprocess.run(command, cwd=cwd, env=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    with standing_server(Path(env["PREFECT_HOME"]), port):
        prefect("work-pool", "create", "scaling", "--type", "process", "--overwrite")
        prefect("deploy", "--all")
        (root / "data/published/more.csv").write_text("first\n")
        prefect("deployment", "run", "refit/refit")
        prefect("worker", "start", "--pool", "scaling", "--run-once", cwd=root)
        until(lambda: "COMPLETED" in ended(port))
    assert versions(root) == 1
