"""`scaling watch` beside a real training in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import ROOT
from tests.support.command import cli
from tests.support.waiting import end_of, until

STEPS = 1500
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def start(*command: object, **how: Any) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", *map(str, command)]
    return subprocess.Popen(words, env=ENVIRONMENT, text=True, cwd=ROOT, **how)


def rows(out: Path) -> list[dict[str, Any]]:
    file = out / "forecast.jsonl"
    whole = file.read_text().rpartition("\n")[0] if file.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


def log(path: Path, steps: int, of: int = STEPS) -> Path:
    """A log with so many lines."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        for n in range(1, steps + 1):
            loss = (1.5 + 4.0 * n**-0.3) * np.exp(0.01 * rng.standard_normal())
            line = {"step": n, "loss": loss, "lr": 1e-3, "wall_time": 1.7e9 + 36.0 * n}
            file.write(json.dumps(line) + "\n")
    return path


def test_a_training_is_watched_to_its_end_through_a_kill(tmp_path: Path) -> None:
    """The training waits at a quarter and at a half until the watch has a forecast there."""
    file, out = tmp_path / "run.jsonl", tmp_path / "out"
    command = ("scaling", "watch", file, "--steps", STEPS, "--every", 0.2, "--out", out)
    with (tmp_path / "printed").open("w") as printed:
        watch = start(*command, stdout=printed, stderr=printed)
        until(lambda: "no such file" in (tmp_path / "printed").read_text(), child=watch)
        gate = tmp_path / "gate"
        gate.write_text("0.25")
        training = start(
            *("benchmarks.small_training", file, "--steps", STEPS, "--width", 16),
            *("--schedule", "constant", "--gate", gate),
        )
        until(lambda: rows(out) and rows(out)[-1]["share"] == 0.25, child=watch)
        watch.send_signal(signal.SIGKILL)
        watch.wait()
        watch = start(*command, stdout=printed, stderr=printed)
        gate.write_text("0.5")
        until(lambda: rows(out)[-1]["share"] == 0.5, child=watch)
        gate.write_text("1")
        assert end_of(training) == 0
        assert end_of(watch) == 0
    score = json.loads((out / "score.json").read_text())
    losses = [json.loads(line)["loss"] for line in file.read_text().splitlines()]
    assert score["observed"] == pytest.approx(np.mean(losses[-15:]))
    assert [one["made"] for one in score["forecasts"]][:2] == ["at the time"] * 2
    at = [row["at"] for row in rows(out)]
    assert at == sorted(set(at))
    printed_lines = (tmp_path / "printed").read_text()
    assert "step 750 of 1,500 (50.0%)" in printed_lines
    assert "25%: " in printed_lines


def test_one_look_prints_all_that_it_found(tmp_path: Path) -> None:
    file = log(tmp_path / "run.jsonl", 750)
    out = tmp_path / "out"
    done = cli(
        *("watch", file, "--steps", STEPS, "--beat", 1.95, "--once", "--out", out),
        *("--chips", 8, "--power", 500, "--pue", 1.2, "--price", "1,2,3"),
    )
    assert done.returncode == 0, done.stderr
    for words in (
        "planned end: 1,500 steps, as given.",
        "run: step 750 of 1,500 (50.0%)",
        "End (mean of loss over the last 15 steps): ",
        "Chance to end at or below 1.95: ",
        "lowers the loss by 1 % or more: ",
        "Left: 7.5 h",
        # 60 chip hours of 500 W at PUE 1.2, and 1 to 3 USD.
        "Left: 36 kWh (36 to 36), 120 USD (60 to 180)",
        "8 x NVIDIA H100 SXM5 80GB: 500 (500 to 500) W, PUE 1.2 (1.2 to 1.2)",
    ):
        assert words in done.stdout
    found = rows(out)[0]
    as_json = json.loads(
        cli("watch", file, "--steps", STEPS, "--once", "--out", out, "--json").stdout
    )
    assert as_json["progress"]["quantiles"]["q50"] == found["q50"]
    assert as_json["state"] == "running"


def test_exit_codes(tmp_path: Path) -> None:
    file, out = tmp_path / "run.jsonl", ("--out", tmp_path / "out")
    absent = cli("watch", file, "--steps", STEPS, "--once", *out)
    assert (absent.returncode, "no such file" in absent.stderr) == (2, True)
    log(file, 20)
    assert cli("watch", file, "--steps", STEPS, "--once", *out).returncode == 1
    unclear = cli("watch", file, "--once", *out)
    assert unclear.returncode == 2
    assert "the log does not say where it ends; allowed: --steps N" in unclear.stderr
    log(file, 750)
    assert cli("watch", file, "--steps", STEPS, "--once", *out).returncode == 0
    with file.open("a") as more:
        more.write('{"step": 751, "loss": NaN}\n')
    diverged = cli("watch", file, "--steps", STEPS, "--once", *out)
    assert diverged.returncode == 1
    assert "NaN or infinite: 1 values, the first at step 751; the last value is one" in (
        diverged.stdout
    )
    server = cli("watch", "https://me:secret@host/api", "--once")
    assert (server.returncode, "secret" in server.stderr) == (2, False)


def test_a_refused_watch_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log(tmp_path / "run.jsonl", 20)
    (tmp_path / "mine").mkdir()
    refused = (
        ("nowhere.jsonl", "--steps", STEPS),
        ("run.jsonl",),
        ("run.jsonl", "--steps", 10),
        ("run.jsonl", "--steps", STEPS, "--metric", "lss"),
        ("run.jsonl", "--steps", STEPS, "--run", "other"),
        ("run.jsonl", "--steps", STEPS, "--out", "some/where/else", "--metric", "lss"),
        ("run.jsonl", "--steps", STEPS, "--out", "mine", "--metric", "lss"),
    )
    for options in refused:
        assert cli("watch", *options, "--once").returncode == 2, options
        assert sorted(one.name for one in tmp_path.rglob("*")) == ["mine", "run.jsonl"], options
    # Neither does one that has nothing to forecast yet; a recorded forecast stays.
    assert cli("watch", "run.jsonl", "--steps", STEPS, "--once").returncode == 1
    assert not (tmp_path / "run.watch").exists()
    log(tmp_path / "run.jsonl", 750)
    assert cli("watch", "run.jsonl", "--steps", STEPS, "--once").returncode == 0
    assert cli("watch", "run.jsonl", "--once").returncode == 2
    kept = sorted(one.name for one in (tmp_path / "run.watch").iterdir())
    assert kept == [".gitignore", "curve.csv", "forecast.jsonl"]


def test_ctrl_c_ends_it_with_130_and_leaves_the_record(tmp_path: Path) -> None:
    file, out = log(tmp_path / "run.jsonl", 750), tmp_path / "out"
    command = ("scaling", "watch", file, "--steps", STEPS, "--every", 0.2, "--out", out)
    watch = start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: rows(out), child=watch)
    watch.send_signal(signal.SIGINT)
    until(lambda: watch.poll() is not None)
    assert watch.wait() == 130
    assert len(rows(out)) == 1


@pytest.mark.parametrize("name", ["chart.svg", "chart.html"])
def test_a_chart_is_written(tmp_path: Path, name: str) -> None:
    file = log(tmp_path / "run.jsonl", 750)
    done = cli(
        *("watch", file, "--steps", STEPS, "--beat", 1.9, "--once"),
        *("--out", tmp_path / "out", "--plot", tmp_path / name),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / name).stat().st_size > 1000


def test_in_a_workspace_the_record_is_of_the_log_in_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scaling.toml").write_text("")
    for name in ("a", "b"):
        (tmp_path / "logs" / name).mkdir(parents=True)
        log(tmp_path / "logs" / name / "log.jsonl", 750)
    monkeypatch.chdir(tmp_path / "logs")
    assert cli("watch", "a/log.jsonl", "--steps", STEPS, "--once").returncode == 0
    assert cli("watch", "b/log.jsonl", "--steps", STEPS, "--once").returncode == 0
    kept = sorted(one.name for one in (tmp_path / "reports/watch").iterdir())
    assert kept == ["a-log", "b-log"]
    monkeypatch.chdir(tmp_path / "logs/a")
    assert cli("watch", "log.jsonl", "--steps", STEPS, "--once").returncode == 0
    assert len(rows(tmp_path / "reports/watch/a-log")) == 1
    (tmp_path / "other/a").mkdir(parents=True)
    log(tmp_path / "other/a/log.jsonl", 900)
    monkeypatch.chdir(tmp_path)
    done = cli("watch", "other/a/log.jsonl", "--steps", STEPS, "--once")
    assert done.returncode == 2
    assert "its folder has the forecasts of another log; found " in done.stderr
