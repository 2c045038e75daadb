"""`scaling watch` of an MLflow server: the answers of a real one, played again on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaling.runs.servers import mlflow
from tests.support.command import cli
from tests.support.trackers.make_files import unpack
from tests.support.trackers.mlflow_server import EXPERIMENT, PAGES, Answers, replaying


def test_a_run_of_a_server_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, size in PAGES.items():
        monkeypatch.setattr(mlflow, name, size)
    record = unpack("mlflow-server", tmp_path / "record")
    answers: Answers = json.loads((record / "answers-1.json").read_text())
    with replaying(answers) as address:
        done = cli("watch", "train.log", "--experiment", EXPERIMENT, "--once")
        assert done.returncode == 2 and "of an MLflow server" in done.stderr
        done = cli("watch", address, "--steps", 1000, "--once")
        assert done.returncode == 2 and "--experiment NAME" in done.stderr
        command = ("watch", address, "--experiment", EXPERIMENT, "--steps", 1000, "--once")
        asked = cli(*command)
        assert asked.returncode == 2 and "allowed:" in asked.stderr, asked.stderr
        done = cli(*command, "--run", "going", "--metric", "val/loss")
        assert done.returncode in (0, 1), done.stderr
        assert list(tmp_path.glob("*.watch/*.db"))
