"""`scaling watch` with other runs: the law of a study, and the shape of finished runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.support.command import cli

STEPS, BATCH = 400, 5_000_000


def loss(params: float, tokens: float | np.ndarray) -> float | np.ndarray:
    """Besiroglu et al. 2024, arXiv:2404.10102."""
    return 1.8172 + 482.01 / params**0.3478 + 2085.43 / tokens**0.3658


def log(path: Path, params: float, done: float = 1.0, steps: int = STEPS, **how: float) -> Path:
    """A run's evaluations at every tenth step, its rate falling by a cosine, or constant."""
    step = np.arange(10, steps + 1, 10)
    fall = how.get("floor", 0.1)
    share = fall + (1.0 - fall) * 0.5 * (1.0 + np.cos(np.pi * step / steps))
    y = loss(params, step * 1.0 * BATCH) * (1.0 - 0.06 * (1.0 - share)) + how.get("offset", 0.0)
    table = pl.DataFrame({"step": step, "val_loss": y, "lr": 3e-4 * share, "params": params})
    table = table.filter(pl.col("step") <= done * steps)
    (table.drop("params") if how.get("bare") else table).write_csv(path)
    return path


def study(path: Path) -> Path:
    rng = np.random.default_rng(0)
    n, d = 10 ** rng.uniform(7, 8.5, 20), 10 ** rng.uniform(8.5, 9.5, 20)
    y = loss(n, d) * 0.946 * np.exp(rng.normal(0, 0.002, 20))
    pl.DataFrame({"params": n, "tokens": d, "loss": y}).write_csv(path)
    return path


def ladder(folder: Path) -> Path:
    folder.mkdir()
    for params, steps in ((2e7, 200), (5e7, 250), (1e8, 300), (2e8, 350)):
        log(folder / f"small-{params:.0e}.csv", params, steps=steps)
    return folder


END = loss(5e8, 2e9) * 0.946
TOKENS = ("--tokens", "2B", "--map", f"tokens=step*{BATCH}", "--params", "500M")


def test_the_study_and_finished_runs_inform_the_end(tmp_path: Path) -> None:
    run = log(tmp_path / "big.csv", 5e8, 0.25, bare=True)
    known, runs = study(tmp_path / "study.csv"), ladder(tmp_path / "ladder")
    watch = ("watch", run, *TOKENS, "--once", "--out", tmp_path / "out")
    done = cli(*watch, "--study", known, "--like", runs)
    assert done.returncode == 0, done.stderr
    for words in (
        "val_loss of the run is taken to be loss of the 20 runs",
        "learning rate: the column lr up to 5e+08, then that of the finished run small-2e+08",
        "the shape is that of small-1e+08, small-2e+07, small-2e+08, small-5e+07; each forecast",
        "  The run's curve alone: ",
        "  The shape of 4 finished runs alone: ",
    ):
        assert words in done.stdout
    made = json.loads(cli(*watch, "--study", known, "--like", runs, "--json").stdout)["progress"]
    assert made["method"] == "curve 1 with schedule 2 with other runs"
    assert made["quantiles"]["q05"] < END < made["quantiles"]["q95"]
    assert made["quantiles"]["q50"] == pytest.approx(END, rel=0.01)
    assert sum(one["weight"] for one in made["sources"]) == pytest.approx(1.0)
    plain = json.loads(cli(*watch[:2], *TOKENS[:4], *watch[-3:], "--json").stdout)["progress"]
    assert plain["sources"] == []
    wide = [q["q95"] / q["q05"] for q in (plain["quantiles"], made["quantiles"])]
    assert wide[1] < wide[0]
    rows = (tmp_path / "out/forecast.jsonl").read_text().splitlines()
    assert [len(json.loads(one)["sources"]) for one in rows] == [3, 0]


def test_a_run_on_another_data_set_is_said_to_disagree(tmp_path: Path) -> None:
    run = log(tmp_path / "big.csv", 5e8, 0.75, bare=True, offset=0.6)
    known = study(tmp_path / "study.csv")
    done = cli("watch", run, *TOKENS, "--once", "--out", tmp_path / "out", "--study", known)
    assert "so far apart lie fewer than 1 in 20 of the runs" in done.stdout
    assert "Is it the same loss, on the same data set? A constant offset is not corrected" in (
        done.stdout
    )
    weight = re.search(r"study\.csv alone: .*; weight (\d+)%", done.stdout)
    assert weight
    assert int(weight[1]) < 20


def test_what_is_left_out_of_the_finished_runs_is_said(tmp_path: Path) -> None:
    run, runs = log(tmp_path / "big.csv", 5e8, 0.5, bare=True), ladder(tmp_path / "ladder")
    log(runs / "constant.csv", 3e7, floor=1.0)
    pl.DataFrame({"step": [1, 2], "train_loss": [3.0, 2.9]}).write_csv(runs / "other.csv")
    (runs / "zero.csv").write_text("step,val_loss\n1,2.5\n2,0\n3,2.2\n4,2.1\n")
    watch = ("watch", run, "--steps", STEPS, "--once", "--out", tmp_path / "out")
    done = cli(*watch, "--like", runs)
    assert done.returncode == 0, done.stderr
    for words in (
        "left out, for their learning rate went another way: constant.",
        "other of ",
        "no such metric so far; found 'val_loss'",
        "zero of ",
        "no curve of values above 0",
        "The shape of 4 finished runs alone: ",
    ):
        assert words in done.stdout
    none = cli(*watch, "--like", runs / "other.csv")
    assert none.returncode == 0
    assert "the shape of finished runs is not used: 0 went the same way" in none.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--params", "1B"), "--params is for other runs"),
        (("--study-metric", "loss@c4"), "--study-metric is of --study"),
        (("--study", "nothing.csv"), "no such file"),
        (("--like", "nothing"), "no such file"),
        (("--study", "study.csv", "--params", "1B"), "the study needs the tokens of the run"),
        (("--study", "bits.csv"), "do not measure the same quantity"),
    ],
)
def test_what_has_to_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    log(tmp_path / "big.csv", 5e8, 0.5)
    study(tmp_path / "study.csv")
    bits = pl.read_csv("study.csv").rename({"loss": "value"})
    bits.with_columns(metric=pl.lit("bpb@c4")).write_csv("bits.csv")
    done = cli("watch", "big.csv", "--steps", STEPS, "--once", *options)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
