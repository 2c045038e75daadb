"""The fan-outs on threads, on Dask and on Ray: the same bytes, also from separate clones.

Dask and Ray come with ``make cluster``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from scaling.errors import InputError
from scaling.orchestration.server.task_runner import CLUSTER, RUNNER, WORKERS, batches, runner
from scaling.orchestration.server.temporary import standing_server
from scaling.pipeline.publish import publish
from tests.e2e.orchestration.test_flow import RUN, answers, git
from tests.support.needs import PACKAGES, installed
from tests.support.ops_project import environment, free_port, make
from tests.support.waiting import HANG, until

# A fit waits until so many clones are at work on fits, so that one worker cannot do them all.
TOGETHER = """
import os, time
meeting, number = Path(os.environ.get("MEETING", "")), int(os.environ.get("MEETING_OF", "0"))
if number and sys.argv[1] in ("a", "b", "c"):
    (meeting / Path.cwd().name).touch()
    while len(list(meeting.iterdir())) < number:
        time.sleep(0.05)
"""


def has(package: str) -> pytest.MarkDecorator:
    return PACKAGES.unless(installed(package), package)


def test_one_setting_chooses_and_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUNNER, raising=False)
    assert type(runner()).__name__ == "ThreadPoolTaskRunner"
    monkeypatch.setenv(WORKERS, "0")
    with pytest.raises(InputError, match=r"SCALING_WORKERS.*1 to 10000"):
        runner()
    monkeypatch.setenv(RUNNER, "dusk")
    with pytest.raises(InputError, match="allowed: threads, dask, ray"):
        runner()


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_an_engine_that_is_not_installed_is_said(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNNER, name)
    monkeypatch.setitem(sys.modules, f"prefect_{name}", None)
    with pytest.raises(InputError, match=r"requirements-cluster\.lock"):
        runner()


def test_every_stage_is_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKERS, "3")
    stages = [f"fit@{number}" for number in range(20)]
    made = batches(stages)
    assert sorted(stage for batch in made for stage in batch) == sorted(stages)
    assert {len(batch) for batch in made} == {3, 4} and len(made) == 6
    assert batches(["fit@a"]) == [["fit@a"]] and batches([]) == []


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of flows that share one server."""
    here = environment(tmp_path_factory.mktemp("prefect"))
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PREFECT")]:
            patch.delenv(name)
        with standing_server(Path(here["PREFECT_HOME"]), port) as url:
            yield {**here, "PREFECT_API_URL": url}


def project(root: Path) -> Path:
    make(root)
    stage = root / "stage.py"
    stage.write_text(stage.read_text().replace("name, source", TOGETHER + "name, source", 1))
    git(root, "commit", "-qam", "together")
    return root


def refit(root: Path, env: dict[str, str]) -> str:
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def artefacts(root: Path) -> dict[str, bytes]:
    """What the stages made, by name, and DVC's record of it."""
    files = [file for file in sorted((root / "data").rglob("*")) if file.is_file()]
    kept = [file for file in files if file.name != ".gitignore" and "internal" not in file.parts]
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in [*kept, root / "reports/current/report.html"]
    }


def versions(root: Path) -> list[str]:
    return sorted(file.parent.name for file in (root / "reports").glob("*/manifest.json"))


@pytest.fixture(scope="module")
def by_threads(
    env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], list[str]]:
    root = project(tmp_path_factory.mktemp("threads") / "project")
    refit(root, env)
    return artefacts(root), versions(root)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=has(f"prefect_{name}")) for name in ("dask", "ray")]
)
def test_the_bytes_are_the_same_whichever_ran_them(
    name: str,
    env: dict[str, str],
    by_threads: tuple[dict[str, bytes], list[str]],
    tmp_path: Path,
) -> None:
    root = project(tmp_path / "project")
    said = refit(root, {**env, RUNNER: name})
    assert "fit@c" in said
    assert (artefacts(root), versions(root)) == by_threads


AGAIN = """
import json, sys; from pathlib import Path
from prefect import flow
from scaling.orchestration.audit_tasks import reproduce_all
from scaling.orchestration.server.task_runner import runner

@flow(task_runner=runner())
def again():
    return reproduce_all(Path().resolve())

if __name__ == "__main__":
    from scaling.orchestration.server.temporary import drain
    rows = again()
    drain()
    print(json.dumps(rows))
"""


@pytest.mark.slow
@has("prefect_dask")
def test_versions_are_made_again_on_a_cluster(env: dict[str, str], tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    for text in ("first\n", "second\n"):
        (root / "data/published/more.csv").write_text(text)
        subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=root, env=env, check=True)
        publish(root)
        git(root, "add", "-A")
        git(root, "commit", "-qm", text)
    said = {}
    (tmp_path / "again.py").write_text(AGAIN)
    for name in ("threads", "dask"):
        command = [sys.executable, str(tmp_path / "again.py")]
        done = subprocess.run(
            command, cwd=root, env={**env, RUNNER: name}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        said[name] = json.loads(done.stdout.splitlines()[-1])
    assert [row["differ"] for row in said["threads"]] == [0, 0]
    assert said["dask"] == said["threads"]


@contextmanager
def dask_cluster(roots: list[Path], env: dict[str, str]) -> Iterator[str]:
    """A scheduler and a worker process for each clone, once it knows them all."""
    from distributed import Client

    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = ["worker", address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
    with ExitStack() as stack:
        start(stack, ["-m", "dask", *scheduler], env, roots[0].parent)
        until(lambda: answers(port))
        for root in roots:
            start(stack, ["-m", "dask", *worker], {**env, "SCALING_ROOT": str(root)}, root)
        with Client(address, timeout=HANG) as client:
            until(lambda: len(client.scheduler_info()["workers"]) == len(roots))
        yield address


def start(
    stack: ExitStack, command: list[str], env: dict[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """A process that ends with the stack; what it says goes to process.log in the folder."""
    log = stack.enter_context((folder / "process.log").open("a"))
    child = stack.enter_context(
        subprocess.Popen([sys.executable, *command], cwd=folder, env=env, stdout=log, stderr=log)
    )
    stack.callback(child.terminate)
    return child


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A project with a hub for Git and a remote for DVC; workers have clones of the hub."""
    root = project(tmp_path / "project")
    with (root / ".dvc/config").open("a") as config:
        config.write(f"['remote \"storage\"']\n    url = {tmp_path / 'storage'}\n")
    git(root, "commit", "-qam", "a remote")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "hub.git")
    git(root, "remote", "add", "origin", str(tmp_path / "hub.git"))
    git(root, "push", "-q", "origin", "main")
    return root


def clones(shared: Path, number: int) -> list[Path]:
    made = [shared.parent / f"clone-{index}" for index in range(number)]
    for folder in made:
        git(shared.parent, "clone", "-q", "hub.git", folder.name)
    return made


@pytest.mark.slow
@has("prefect_dask")
def test_two_workers_with_clones_of_their_own_share_the_fits(
    env: dict[str, str],
    by_threads: tuple[dict[str, bytes], list[str]],
    shared: Path,
    tmp_path: Path,
) -> None:
    own = clones(shared, 2)
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    with dask_cluster(own, {**env, "MEETING": str(meeting), "MEETING_OF": "2"}) as address:
        chosen = {RUNNER: "dask", CLUSTER: address, "SCALING_CLONES": "storage"}
        refit(shared, {**env, **chosen})
    assert artefacts(shared) == by_threads[0]
    shares = [{file.stem for file in (clone / "data/fits").glob("*.json")} for clone in own]
    assert all(shares), "one worker did everything"
    assert set.union(*shares) == {"a", "b", "c"}
    # Nothing was computed here, and DVC agrees that everything belongs together.
    assert "up to date" in refit(shared, env)
