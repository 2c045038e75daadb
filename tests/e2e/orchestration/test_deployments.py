"""`prefect deploy` with this project's prefect.yaml, process workers, and a database of choice."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from scaling.orchestration.dvc.graph import up_to_date
from scaling.orchestration.server.temporary import standing_server
from scaling.record.versions.verify import verify
from tests.e2e.orchestration.test_cluster import clones, refit, start, versions
from tests.e2e.orchestration.test_flow import CHECKOUT, git
from tests.support.needs import POSTGRES
from tests.support.ops_project import ask, ended, environment, free_port, make
from tests.support.waiting import until


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in [name for name in os.environ if name.startswith("PREFECT")]:
        monkeypatch.delenv(name)
    return environment(tmp_path / "prefect")


def prefect(folder: Path, env: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def pool(env: dict[str, str], root: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """A server with a work pool onto which the project's deployments are put."""
    port = free_port()
    with standing_server(Path(env["PREFECT_HOME"]), port) as url:
        here = {**env, "PREFECT_API_URL": url}
        prefect(root, here, "work-pool", "create", "scaling", "--type", "process")
        prefect(root, here, "deploy", "--all")
        yield port, here


def worker(stack: ExitStack, root: Path, env: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    """A worker process that takes runs of one queue, in its own clone."""
    command = ["-m", "prefect", "worker", "start", "--pool", "scaling", "--work-queue", name]
    return start(stack, [*command, "--name", name], {**env, "SCALING_ROOT": str(root)}, root)


@pytest.mark.slow
def test_two_process_workers_with_clones_of_their_own_publish_one_history(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Two workers, one work pool, one server; a shared Git hub and a shared DVC remote."""
    root = make(tmp_path / "project")
    with (root / ".dvc/config").open("a") as config:
        config.write(f"['remote \"storage\"']\n    url = {tmp_path / 'storage'}\n")
    file = root / "prefect.yaml"
    content = yaml.safe_load(file.read_text())
    refits = content["deployments"][:1]
    refits[0]["parameters"] |= {"git_remote": "origin", "dvc_remote": "storage"}
    refits[0]["schedules"] = []
    file.write_text(yaml.safe_dump({**content, "deployments": refits}))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "remotes")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "hub.git")
    git(root, "remote", "add", "origin", str(tmp_path / "hub.git"))
    git(root, "push", "-q", "origin", "main")
    first, second = clones(root, 2)
    with pool(env, root) as (port, here), ExitStack() as stack:
        names = {"a": first, "b": second}
        for name, clone in names.items():
            prefect(root, here, "work-queue", "create", name, "--pool", "scaling")
            worker(stack, clone, here, name)

        def run(name: str) -> str:
            before = len(ended(port))
            command = "import sys; from prefect import get_client\n"
            command += "with get_client(sync_client=True) as c:\n"
            command += "  d = c.read_deployment_by_name('refit/refit')\n"
            command += "  c.create_flow_run_from_deployment(d.id, work_queue_name=sys.argv[1])"
            subprocess.run([sys.executable, "-c", command, name], env=here, check=True)
            until(lambda: len(ended(port)) > before)
            assert set(ended(port)) == {"COMPLETED"}, (names[name] / "process.log").read_text()
            last = max(
                (r for r in ask(port, "flow_runs") if r["end_time"]), key=lambda r: r["end_time"]
            )
            return str(last["name"])

        assert run("a").startswith("published")
        assert run("b") == "nothing new"
        # A colleague's runs come by Git; the second worker takes them up, and the first learns.
        git(root, "pull", "-q", "origin", "main")
        (root / "data/published/more.csv").write_text("more\n")
        git(root, "add", "-A", "data/published")
        git(root, "commit", "-qm", "more runs")
        git(root, "push", "-q", "origin", "main")
        assert run("b").startswith("published")
        assert run("a") == "nothing new"
    assert versions(first) == versions(second) and len(versions(first)) == 2
    assert verify(first) == verify(second) == []
    assert up_to_date(first) and up_to_date(second)
    assert len(git(tmp_path / "hub.git", "tag", "--list").split()) == 2


@pytest.mark.slow
def test_every_deployment_runs_on_a_work_pool(env: dict[str, str], tmp_path: Path) -> None:
    """All of prefect.yaml on this project itself, with one study and few resamples."""
    root = tmp_path / "project"
    git(tmp_path, "clone", "-q", str(CHECKOUT), "project")
    params = yaml.safe_load((root / "params.yaml").read_text())
    name, study = next((n, s) for n, s in params["studies"].items() if n.startswith("muennighoff"))
    params["studies"], params["fit"]["resamples"] = {name: study}, 50
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    with pool(env, root) as (port, here), ExitStack() as stack:
        for number, flow in enumerate(["backtest", "refit", "audit", "govern"]):
            prefect(root, here, "deployment", "run", f"{flow}/{flow}")
            if number == 0:
                worker(stack, root, here, "default")
            until(lambda done=number + 1: len(ended(port)) == done)
            assert set(ended(port)) == {"COMPLETED"}, (root / "process.log").read_text()[-3000:]
        names = {run["name"] for run in ask(port, "flow_runs") if run["end_time"]}
        keys = {item["key"] for item in ask(port, "artifacts")}
    assert any(name.startswith("published") for name in names), names
    assert {"backtest-scores", "headline", "changes", "report", "audit", "alerts"} <= keys
    assert verify(root) == []


# PostgreSQL -------------------------------------------------------------------------------------


def programs() -> Path | None:
    """The folder of PostgreSQL's programs on this machine."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server on a Unix socket in ``folder``, run by an ordinary account; its address."""
    at = programs()
    assert at is not None
    who = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    user = {"user": who} if os.getuid() == 0 else {}
    if user:
        shutil.chown(folder, who)
    data, log = folder / "data", (folder / "log").open("w")
    make = [at / "initdb", "-D", data, "-U", "prefect", "-A", "trust", "-N", "--locale=C"]
    subprocess.run([*make, "-E", "UTF8"], check=True, stdout=log, stderr=log, cwd=folder, **user)
    serve = [at / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-F"]
    with log, subprocess.Popen(serve, stdout=log, stderr=log, cwd=folder, **user) as child:
        ready = [at / "pg_isready", "-h", folder, "-q"]
        try:
            until(lambda: subprocess.run(ready).returncode == 0)
            yield f"postgresql+asyncpg://prefect@/postgres?host={folder}"
        finally:
            child.terminate()


@pytest.mark.slow
@POSTGRES.unless(programs() is not None)
def test_prefect_keeps_its_runs_in_postgresql(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "project")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pg") as folder, postgres(Path(folder)) as address:
        monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", address)
        with standing_server(Path(env["PREFECT_HOME"]), port) as url:
            refit(root, {**env, "PREFECT_API_URL": url})
            assert ended(port) == ["COMPLETED"]
        ask_it = [programs() / "psql", "-h", folder, "-U", "prefect", "-d", "postgres", "-Atc"]
        query = "select state_type, count(*) from task_run group by 1"
        said = subprocess.run([*ask_it, query], check=True, capture_output=True, text=True).stdout
    assert said.startswith("COMPLETED|")
    assert not (Path(env["PREFECT_HOME"]) / "prefect.db").exists()
    assert len(versions(root)) == 1
