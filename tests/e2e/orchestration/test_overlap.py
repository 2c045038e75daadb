"""Runs that come due while another is at work, take too long, or lose their worker (real stack)."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaling.record.versions.verify import verify
from tests.e2e.orchestration.test_cluster import versions
from tests.e2e.orchestration.test_deployments import pool, prefect, worker
from tests.support.ops_project import (
    SERVE,
    ask,
    at_work,
    ended,
    environment,
    free_port,
    hold,
    make,
    serving,
)
from tests.support.waiting import until

RUN_IT = """
import json, sys
from prefect import get_client
with get_client(sync_client=True) as client:
    found = client.read_deployment_by_name("refit/refit")
    client.create_flow_run_from_deployment(found.id, parameters=json.loads(sys.argv[1]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose refit is asked for, or due, and is not started by the inbox."""
    root = make(tmp_path / "project")
    change(root, triggers=[], schedules=[])
    return root


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in [name for name in os.environ if name.startswith("PREFECT")]:
        monkeypatch.delenv(name)
    return environment(tmp_path / "prefect")


def change(root: Path, **given: Any) -> None:
    """Other choices for the deployment of the refit."""
    file = root / "prefect.yaml"
    content = yaml.safe_load(file.read_text())
    content["deployments"] = [content["deployments"][0] | given]
    file.write_text(yaml.safe_dump(content))


def run(env: dict[str, str], port: int, parameters: str = "{}") -> None:
    """Ask the server for a run of the deployment."""
    here = {**env, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    subprocess.run([sys.executable, "-c", RUN_IT, parameters], env=here, check=True)


def states(port: int) -> list[str]:
    """Names of the runs' states, in the order in which they were asked for."""
    runs = sorted(ask(port, "flow_runs"), key=lambda one: str(one["created"]))
    return [one["state"]["name"] for one in runs]


def land(root: Path, text: str) -> None:
    (root / "data/published/more.csv").write_text(text)


@pytest.mark.slow
def test_a_run_that_is_asked_for_while_another_works_waits_for_it(
    root: Path, env: dict[str, str]
) -> None:
    gate = hold(root, "b")
    port = free_port()
    with serving(root, env, port):
        run(env, port)
        until(lambda: at_work(root))
        run(env, port)
        until(lambda: states(port) == ["Running", "AwaitingConcurrencySlot"])
        gate.open()
        until(lambda: ended(port) == ["COMPLETED", "COMPLETED"])
        names = [one["name"].split()[0] for one in ask(port, "flow_runs")]
    assert sorted(names) == ["nothing", "published"]
    assert len(versions(root)) == 1 and verify(root) == []


@pytest.mark.slow
def test_runs_that_are_due_more_often_than_they_end_do_not_pile_up_at_work(
    root: Path, env: dict[str, str]
) -> None:
    """Due every 10 s, and at work until another is due: never two at once, and all complete."""
    change(root, triggers=[], schedules=[{"interval": 10.0, "slug": "often"}])
    gate = hold(root, "b")
    port = free_port()
    with serving(root, env, port):
        for number in range(3):
            # Every time a refit has something to do, because a stage reads what changes.
            land(root, f"{number}\n")
            until(lambda: at_work(root) and "AwaitingConcurrencySlot" in states(port))
            gate.open()
            until(lambda done=number + 1: len(versions(root)) >= done)
            gate.shut()
        gate.open()
        until(lambda: len(ended(port)) >= 3)
        runs = [one for one in ask(port, "flow_runs") if one["end_time"]]
    assert {one["state_type"] for one in runs} == {"COMPLETED"}
    times = sorted((one["start_time"], one["end_time"]) for one in runs)
    assert len(times) >= 3
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))
    assert len(versions(root)) == 3 and verify(root) == []


@pytest.mark.slow
def test_a_stage_over_its_time_ends_the_run_and_a_later_run_completes(
    root: Path, env: dict[str, str]
) -> None:
    gate = hold(root, "b")
    port = free_port()
    with serving(root, env, port):
        run(env, port, '{"stage_seconds": 8}')
        until(lambda: ended(port) == ["FAILED"])
        [failed] = [one for one in ask(port, "flow_runs") if one["end_time"]]
        assert "it was ended after 8 s" in failed["state"]["message"]
        assert not at_work(root)
        gate.open()
        run(env, port)
        until(lambda: ended(port) == ["FAILED", "COMPLETED"])
    assert len(versions(root)) == 1 and verify(root) == []


@pytest.mark.slow
def test_a_killed_worker_takes_its_run_along_and_a_later_run_completes(
    root: Path, env: dict[str, str]
) -> None:
    """It tells the server, which would else hold its place for five minutes."""
    gate = hold(root, "b")
    with pool(env, root) as (port, here), ExitStack() as stack:
        first = worker(stack, root, here, "default")
        prefect(root, here, "deployment", "run", "refit/refit")
        until(lambda: at_work(root))
        first.kill()
        until(lambda: not at_work(root))
        assert states(port) == ["Crashed"]
        gate.open()
        worker(stack, root, here, "default")
        prefect(root, here, "deployment", "run", "refit/refit")
        until(lambda: states(port) == ["Crashed", "Completed"])
    assert len(versions(root)) == 1 and verify(root) == []


# Once the file "grow" is there, a row is added before each of 40 looks at the inbox.
GROWING = (
    """
from pathlib import Path
from scaling.orchestration import watch_inbox as inbox
look, rows = inbox.state, iter(range(40))
def grown(root):
    if Path("grow").exists() and (number := next(rows, None)) is not None:
        for place in ("data/published/more.csv", "data/internal/copy.csv"):
            with Path(place).open("a") as file:
                file.write(f"row {number}\\n")
    return look(root)
inbox.state = grown
"""
    + SERVE
)


@pytest.mark.slow
def test_a_file_that_is_still_growing_is_taken_when_it_has_ended(
    tmp_path: Path, env: dict[str, str]
) -> None:
    """A slow copy into the inbox: one run, which begins after the last byte."""
    root = make(tmp_path / "project")
    copied = root / "data/internal/copy.csv"
    port = free_port()
    with serving(root, env, port, GROWING):
        (root / "data/published/more.csv").write_text("first\n")
        copied.write_text("first\n")
        until(lambda: ended(port) == ["COMPLETED"])
        (root / "grow").touch()
        until(lambda: "row 39\n" in copied.read_text(), moving=copied.read_text)
        until(lambda: len(ended(port)) >= 2)
        assert ended(port) == ["COMPLETED", "COMPLETED"]
        begun = max(datetime.fromisoformat(one["start_time"]) for one in ask(port, "flow_runs"))
    assert copied.stat().st_mtime < begun.timestamp()
    assert len(versions(root)) == 2 and verify(root) == []
    shown = (root / "data/validated/report.html").read_text()
    assert "row 0\n" in shown and "row 39\n" in shown
