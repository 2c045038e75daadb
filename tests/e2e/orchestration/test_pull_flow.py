"""The flow ``pull``: each server that params.yaml names is pulled, whatever the others do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scaling.errors import InputError
from scaling.orchestration.pull_tasks import servers
from tests.support import ROOT
from tests.support.inbox_project import fill
from tests.support.trackers.make_files import unpack
from tests.support.trackers.mlflow_server import Answers, replaying

RUN = """
import sys
from pathlib import Path
from scaling.orchestration.run_local import run_flow
from flows.pull import pull
print("taken", run_flow(Path.cwd(), lambda: pull(Path.cwd())))
"""


@pytest.mark.parametrize(
    "entry",
    ["[a]", "{team: no}", "{team: {mlflow: 'http://x'}}", "{team: {wandb: 1}}", "{team: {x: y}}"],
)
def test_an_entry_that_names_no_server_is_refused(entry: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(f"pull: {entry}\n")
    with pytest.raises(InputError, match=r"params\.yaml, column .pull.*allowed: mlflow: ADDRESS"):
        servers(tmp_path)


def test_servers_of_both_kinds(tmp_path: Path) -> None:
    text = "pull:\n  a: {mlflow: 'https://x', experiment: laws}\n  b: {wandb: team/laws}\n"
    (tmp_path / "params.yaml").write_text(text)
    assert servers(tmp_path) == {
        "a": ["mlflow", "https://x", "--experiment", "laws", "--as", "a"],
        "b": ["wandb", "team/laws", "--as", "b"],
    }
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    assert servers(tmp_path) == {}


@pytest.mark.slow
def test_a_server_that_fails_keeps_no_other_from_being_pulled(tmp_path: Path) -> None:
    record = unpack("mlflow-server", tmp_path / "record")
    text = (record / "answers-right.json").read_text()
    # The flow's own process asks for full pages; the answer is empty either way.
    answers: Answers = json.loads(text.replace('results\\": 3', 'results\\": 1000'))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "MLFLOW_TRACKING_TOKEN": "secret-token",
    }
    with replaying(answers) as address:
        pulls = (
            f"pull:\n  down: {{mlflow: 'http://127.0.0.1:9', experiment: Default}}\n"
            f"  up: {{mlflow: '{address}', experiment: Default}}\n"
        )
        root = fill(tmp_path / "project", {"params.yaml": pulls})
        done = subprocess.run(
            [sys.executable, "-c", RUN],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "up: 0 runs pulled, 0 unchanged" in said
    assert "down: http://127.0.0.1:9/" in said and "no answer" in said
    assert "secret-token" not in said
