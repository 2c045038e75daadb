"""`scaling pull` in a project: what comes from a server is what `scaling add` makes of its file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from scaling.runs.servers import mlflow
from tests.support import ROOT
from tests.support.command import cli
from tests.support.inbox_project import project, table, tree
from tests.support.needs import MLFLOW
from tests.support.trackers.make_files import unpack
from tests.support.trackers.mlflow_server import (
    EXPERIMENT,
    PAGES,
    Answers,
    Client,
    interpreter,
    log_first,
    log_second,
    replaying,
    served,
)

__all__ = ["project"]
MAPS = (
    *("--metric", "val/loss=loss@c4:nats/token", "--map", "params=config.params"),
    *("--map", "tokens=step*1000000", "--map", "observed=wall_time:unix", "--ignore", "*"),
)


class Server:
    def __init__(self, record: Path, address: str, answers: Answers) -> None:
        self.record, self.address, self.answers = record, address, answers
        self.at(1)

    def at(self, when: int) -> None:
        self.answers.clear()
        self.answers |= json.loads((self.record / f"answers-{when}.json").read_text())

    def pull(self, *more: str) -> subprocess.CompletedProcess[str]:
        return cli("pull", "mlflow", self.address, "--experiment", EXPERIMENT, *more)


@pytest.fixture
def server(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    for name, size in PAGES.items():
        monkeypatch.setattr(mlflow, name, size)
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    record = unpack("mlflow-server", tmp_path_factory.mktemp("record"))
    answers: Answers = {}
    with replaying(answers) as address:
        yield Server(record, address, answers)


def _rows(name: str) -> pl.DataFrame:
    rows = table(name).drop("file", "payload", "source", "recorded", "row", strict=False)
    return rows.sort("run", "metric", "step")


def _same(pulled: str, added: str) -> None:
    """Two sources have the same rows, under their own names."""
    one, other = (_rows(name) for name in (pulled, added))
    assert one.height and one.equals(other)


def test_a_pull_is_an_addition_of_the_servers_file(project: Path, server: Server) -> None:
    done = server.pull("--as", "team", *MAPS)
    assert done.returncode == 0, done.stderr
    assert "5 runs pulled, 311 values; 0 unchanged; 2 left out" in done.stdout
    assert "('deleted'): deleted on the server" in done.stdout
    assert "('going'): RUNNING" in done.stdout
    assert "\x1b" not in done.stdout
    file = server.record / "server-1.db"
    assert cli("add", file, "--as", "whole", "--partial", *MAPS).returncode == 0
    _same("team", "whole")
    # What is new, alone; nothing the time after.
    server.at(2)
    done = server.pull("--as", "team")
    assert "2 runs pulled, 63 values; 3 unchanged; 3 left out" in done.stdout, done.stderr
    before = tree()
    done = server.pull("--as", "team")
    assert done.returncode == 0 and "0 runs pulled" in done.stdout
    assert tree() == before
    assert not list(Path("data/internal/.pulled").iterdir())
    # A run that was deleted since stays, as the message says.
    assert cli("add", server.record / "server-2.db", "--as", "whole", "--partial").returncode == 0
    rows, deleted = _rows("team"), pl.col("params") == 5e6
    kept, rest = rows.filter(deleted), rows.filter(~deleted)
    assert kept.height == 5 and rest.equals(_rows("whole").filter(~deleted))


def test_questions_of_the_mapping_lose_no_download(project: Path, server: Server) -> None:
    refused = server.pull("--as", "team")
    assert refused.returncode == 2 and "--metric" in refused.stderr
    # Everything that is asked for again is in the file that waits.
    for key in [one for one in server.answers if "get-history" in one]:
        del server.answers[key]
    done = server.pull("--as", "team", *MAPS)
    assert done.returncode == 0, done.stderr
    assert "0 runs pulled, 0 values; 5 unchanged" in done.stdout
    assert _rows("team").height > 200
    # The file that waits is no table of the inbox.
    assert "pulled" not in "".join(tree("data/runs"))


def test_a_dry_run_and_json(project: Path, server: Server) -> None:
    before = tree()
    done = server.pull("--as", "team", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    schemas = json.loads((ROOT / "scaling/cli/schemas.json").read_text())
    given = schemas["$defs"]["pull mlflow"]["properties"]
    assert given.keys() == facts.keys()
    assert given["pulled"]["properties"].keys() == facts["pulled"].keys()
    assert tree() == before
    assert (facts["pulled"]["runs"], len(facts["pulled"]["taken"]), facts["added"]) == (7, 5, None)


def test_a_file_outside_of_a_project_is_fitted(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = server.pull()
    assert refused.returncode == 2 and "with 'out' given" in refused.stderr
    assert server.pull("--out", "runs.csv").returncode == 2
    done = server.pull("--out", "runs.db")
    assert done.returncode == 0 and "written to runs.db" in done.stdout
    fit = cli(
        *("fit", "runs.db", "--law", "power_law", "--metric", "val/loss", "--resamples", "0"),
        *("--map", "x=step*1000"),
    )
    assert fit.returncode == 0, fit.stderr


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    python = interpreter()
    if python is None:
        MLFLOW.skip()
    with served(python, tmp_path_factory.mktemp("mlflow")) as address:
        yield Client(address)


@pytest.mark.slow
def test_a_real_server_with_more_runs_and_values_than_a_page(real: Client, tmp_path: Path) -> None:
    log_first(real)
    experiment = real.post("experiments/create", name="many")["experiment_id"]
    for number in range(1100):
        real.start(experiment, f"run {number}", number)
        real.log(f"run {number}", "m", [(0, float(number), 0)])
    steps = 60_000
    real.log("run 7", "m", [(s, 0.5, s) for s in range(1, steps)])
    found = mlflow.pull(real.address, "many", tmp_path / "many.db")
    assert (found.runs, len(found.taken), found.values) == (1100, 1100, 1100 + steps - 1)
    assert mlflow.pull(real.address, "many", tmp_path / "many.db").unchanged == 1100
    found = mlflow.pull(real.address, EXPERIMENT, tmp_path / "runs.db")
    assert (found.runs, found.values) == (7, 311)
    log_second(real)
    found = mlflow.pull(real.address, EXPERIMENT, tmp_path / "runs.db")
    assert (len(found.taken), found.values, found.unchanged) == (2, 63, 3)


@pytest.mark.slow
def test_a_pull_that_is_killed_goes_on(real: Client, tmp_path: Path) -> None:
    """Killed at ten moments, the same command ends with every value of every run, once."""
    experiment = real.post("experiments/create", name="killed")["experiment_id"]
    for number in range(60):
        real.start(experiment, f"k{number}", number)
        real.log(f"k{number}", "m", [(s, float(s), s) for s in range(200)])
        real.end(f"k{number}")
    command = [sys.executable, "-m", "scaling", "pull", "mlflow", real.address]
    command += ["--experiment", "killed", "--out", "runs.db"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for number in range(10):
        running = subprocess.Popen(command, cwd=tmp_path, env=environment)
        file = tmp_path / "runs.db"
        before = file.stat().st_size if file.exists() else 0
        until = time.monotonic() + 60
        # As soon as it writes, and a little later each time.
        while running.poll() is None and time.monotonic() < until:
            if file.exists() and file.stat().st_size > before:
                break
            time.sleep(0.005)
        time.sleep(0.01 * number)
        running.send_signal(signal.SIGKILL)
        running.wait(60)
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    from scaling.runs import formats

    rows = formats.read_cells(tmp_path / "runs.db")
    assert rows.height == 60 * 200
    assert rows.group_by("run").len()["len"].unique().to_list() == [200]
