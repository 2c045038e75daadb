"""A look at a run under way from Python says what the command line says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from scaling import watch
from scaling.cli.main import app
from scaling.errors import InputError

STEPS = 200
LOSS = 1.5 + 4.0 * np.arange(1.0, STEPS + 1) ** -0.3


def _log(upto: int) -> None:
    lines = [json.dumps({"step": n, "loss": LOSS[n - 1]}) + "\n" for n in range(1, upto + 1)]
    Path("run.jsonl").write_text("".join(lines))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_is_what_the_command_line_prints() -> None:
    _log(120)
    made = watch("run.jsonl", STEPS, beat=2.4, out="python")
    command = ["watch", "run.jsonl", "--steps", str(STEPS), "--beat", "2.4", "--once"]
    found = CliRunner().invoke(app, [*command, "--json", "--out", "shell"])
    facts = json.loads(found.stdout)
    own = json.loads(json.dumps(made.to_dict()))
    assert {**own, "time": ""} == {**facts, "time": ""}
    assert made.quantiles[0.05] < LOSS[-2:].mean() < made.quantiles[0.95]
    assert "End (mean of loss over the last 2 steps)" in str(made)
    assert made.plot().to_dict()["layer"]


def test_each_look_is_a_row_of_the_record() -> None:
    for upto in (100, 150):
        _log(upto)
        made = watch("run.jsonl", STEPS)
    assert made.record == Path("run.watch")
    assert made.to_frame()["at"].to_list() == [100.0, 150.0]
    _log(STEPS)
    ended = watch("run.jsonl", STEPS)
    assert ended.state == "ended" and ended.quantiles == {}
    with pytest.raises(InputError, match="nothing to draw"):
        ended.plot()


def test_what_has_to_be_said_is_an_error() -> None:
    _log(50)
    with pytest.raises(InputError, match="--steps"):
        watch("run.jsonl")
    with pytest.raises(InputError, match="no such file"):
        watch("absent.jsonl", STEPS)
    with pytest.raises(InputError, match="another log"):
        watch("run.jsonl", STEPS)
        Path("other").mkdir()
        Path("run.jsonl").rename("other/run.jsonl")
        watch("other/run.jsonl", STEPS)


def test_other_runs_inform_it_as_on_the_command_line() -> None:
    _log(120)
    rows = [(size, 2.0 + 40.0 * size**-0.2) for size in (1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 6e8)]
    text = "params,loss\n" + "".join(f"{size},{loss}\n" for size, loss in rows)
    Path("runs.csv").write_text(text)
    made = watch("run.jsonl", STEPS, study="runs.csv", params="1B", out="python")
    command = ["watch", "run.jsonl", "--steps", str(STEPS), "--once", "--json", "--out", "shell"]
    found = CliRunner().invoke(app, [*command, "--study", "runs.csv", "--params", "1B"])
    own = json.loads(json.dumps(made.to_dict()))
    assert {**own, "time": ""} == {**json.loads(found.stdout), "time": ""}
    assert len(own["progress"]["sources"]) == 2
    with pytest.raises(InputError, match="are of other runs"):
        watch("run.jsonl", STEPS, params="1B")
