"""`scaling fit` and `scaling forecast` with runs under way, and with the other runs of a curve."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from tests.support.command import cli


def loss(params: float, tokens: float | np.ndarray) -> float | np.ndarray:
    """Besiroglu et al. 2024, arXiv:2404.10102."""
    return 1.8172 + 482.01 / params**0.3478 + 2085.43 / tokens**0.3658


def course(name: str, params: float, end: float, done: float = 1.0) -> pl.DataFrame:
    """A run whose learning rate falls along a cosine to 10 %, by .06 of its loss."""
    share = np.linspace(0.02, 1.0, 50)
    rate = 0.1 + 0.9 * 0.5 * (1.0 + np.cos(np.pi * share))
    y = loss(params, share * end) * (1.0 - 0.06 * (1.0 - rate))
    table = pl.DataFrame({"tokens": share * end, "lr": 3e-4 * rate, "loss": y})
    table = table.with_columns(run=pl.lit(name), params=params)
    return table.filter(share <= done).select("run", "params", "tokens", "lr", "loss")


END = float(loss(1e9, 2e10)) * 0.946


@pytest.fixture(autouse=True)
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n, d = 10 ** rng.uniform(7, 8.5, 20), 10 ** rng.uniform(8.5, 10, 20)
    y = loss(n, d) * 0.946 * np.exp(rng.normal(0, 0.005, 20))
    names = [f"r{i}" for i in range(20)]
    done = pl.DataFrame({"run": names, "params": n, "tokens": d, "loss": y})
    done.write_csv("study.csv")
    planned = {"run": ["big"], "params": [1e9], "tokens": [2e10], "loss": [None]}
    pl.concat([done, pl.DataFrame(planned, done.schema)]).write_csv("open.csv")
    course("big", 1e9, 2e10, 0.5).drop("params").write_csv("curve.csv")
    smaller = [course(f"s{i}", 5e7 * 2**i, 1e9 * 2**i) for i in range(4)]
    pl.concat([*smaller, course("big", 1e9, 2e10, 0.25)]).write_csv("several.csv")
    pl.DataFrame({"run": ["big"], "tokens": [2e10]}).write_csv("end.csv")


def median(*words: str) -> tuple[float, list[str], float]:
    """Median, notes and width of the 90 % interval of a forecast of one run."""
    done = cli("forecast", *words, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    (one,) = made["targets"]
    q = one["quantiles"]
    return q["0.5"], [*made["notes"], *done.stderr.splitlines()], q["0.95"] / q["0.05"]


PLANNED = ("--params", "1B", "--tokens", "20B")


def test_the_law_of_a_study_informs_a_curve() -> None:
    both = median("curve.csv", *PLANNED, "--study", "study.csv", "--schedule", "cosine")
    alone = median("curve.csv", "--tokens", "20B", "--schedule", "cosine")
    assert both[0] == pytest.approx(END, rel=0.015)
    assert both[2] < 1.05
    assert any(one.startswith("The study study.csv alone: ") for one in both[1])
    assert not any("alone" in one for one in alone[1])


def test_the_other_runs_of_a_table_inform_the_one_that_the_targets_name() -> None:
    words = ("several.csv", "--at", "end.csv", "--input", "tokens", "--schedule", "cosine")
    made, notes, _ = median(*words)
    assert made == pytest.approx(END, rel=0.01)
    assert any(one.startswith("The shape is that of s0, s1, s2, s3; each") for one in notes)
    assert any(one.startswith("The shape of 4 other runs alone: ") for one in notes)
    other = median(*words[:-1], "wsd:decay=10%")[1]
    assert any("is not used: of 4, 0 have the learning rate of this one" in one for one in other)


def test_python_gives_the_answer_of_the_command_line() -> None:
    made = scaling.forecast(
        "several.csv", {"run": ["big"], "tokens": [2e10]}, inputs=["tokens"], schedule="cosine"
    )
    words = ("several.csv", "--at", "end.csv", "--input", "tokens", "--schedule", "cosine")
    assert made.filter(quantile=0.5)["value"][0] == median(*words)[0]
    told = scaling.forecast(
        "curve.csv", {"params": [1e9], "tokens": [2e10]}, study="study.csv", schedule="cosine"
    )
    words = ("curve.csv", *PLANNED, "--study", "study.csv", "--schedule", "cosine")
    assert told.filter(quantile=0.5)["value"][0] == median(*words)[0]


def test_a_run_under_way_enters_only_where_it_is_asked_for() -> None:
    at = ("--params", "3B", "--tokens", "60B")
    plain = median("open.csv", *at)
    assert (
        "1 row without loss: where runs are under way, --partial CURVES reads their curves."
        in (plain[1])
    )
    assert "1 row without loss left out." in plain[1]
    made = median("open.csv", *at, "--partial", "curve.csv", "--schedule", "cosine")
    (said,) = (one for one in made[1] if one.startswith("run big is 50% done"))
    assert "its loss at the end is forecast as " in said
    assert made[2] < plain[2]
    words = ("fit", "open.csv", "--law", "chinchilla", "--resamples", "0")
    fit = cli(*words, "--partial", "curve.csv")
    assert fit.returncode == 0, fit.stderr
    assert "21 rows" in fit.stdout
    assert "run big is 50% done" in fit.stderr
    assert "20 rows" in cli(*words).stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("forecast", "study.csv", *PLANNED, "--study", "study.csv", "--law", "chinchilla"),
         "cannot be combined; found '--study, --law'"),
        (("forecast", "open.csv", *PLANNED, "--partial", "curve.csv", "--law", "chinchilla"),
         "cannot be combined; found 'runs under way, --law'"),
        (("forecast", "curve.csv", "--params", "1B", "--study", "study.csv"),
         "along which column does the run go on?"),
        (("forecast", "curve.csv", "--tokens", "20B", "--study", "study.csv"),
         "the study needs the params of the run"),
        (("fit", "study.csv", "--law", "chinchilla", "--schedule", "cosine"),
         "--schedule is of --partial"),
        (("fit", "open.csv", "--law", "chinchilla", "--partial", "several.csv"),
         "a curve of a run that the table of runs lacks"),
        (("fit", "open.csv", "--law", "task_accuracy", "--partial", "curve.csv"),
         "this law takes no runs under way"),
    ],
)  # fmt: skip
def test_what_is_refused(words: tuple[str, ...], problem: str) -> None:
    done = cli(*words)
    assert (done.returncode, problem in done.stderr) == (2, True), done.stderr


def test_python_says_what_it_leaves_out_of_a_study_as_the_command_does() -> None:
    study = pl.read_csv("study.csv")
    lacking = pl.concat([study, study.head(1).with_columns(loss=pl.lit(None, pl.Float64))])
    lacking.write_csv("lacking.csv")
    words = ("curve.csv", *PLANNED, "--study", "lacking.csv", "--schedule", "cosine")
    _, said, _ = median(*words)
    made = scaling.forecast(
        "curve.csv", params="1B", tokens="20B", study="lacking.csv", schedule="cosine"
    )
    (own,) = (one for one in made.notes if "without loss left out" in one)
    assert any(own in one for one in said)


def test_several_metrics_of_a_study_are_refused_in_both() -> None:
    two = [pl.read_csv("study.csv").rename({"loss": "value"}).with_columns(metric=pl.lit(one))
           for one in ("loss@a", "loss@b")]  # fmt: skip
    pl.concat(two).write_csv("two.csv")
    done = cli("forecast", "curve.csv", *PLANNED, "--study", "two.csv")
    assert done.returncode == 2
    assert "2 metrics, and none is named" in done.stderr and "loss@a, loss@b" in done.stderr
    with pytest.raises(scaling.InputError, match="2 metrics, and none is named"):
        scaling.forecast("curve.csv", params="1B", tokens="20B", study="two.csv")
