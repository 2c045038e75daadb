"""A study's name where a table is taken, and planned runs without a file."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.support.command import cli

ROWS = [
    {
        "source": "own",
        "run": f"r{i}{j}",
        "params": 10.0**i,
        "tokens": j * 10.0 ** (i + 1),
        "metric": metric,
        "value": 4 - i / 4 - j / 40 + (metric != "loss@c4"),
        "unit": "nats/token",
        "flags": "odd" if (i, j) == (6, 1) else None,
    }
    for i in range(6, 11)
    for j in range(1, 5)
    for metric in ("loss@c4", "loss@other")
]
PARAMS = """
studies:
  mine:
    source: own
    metric: loss@c4
    exclude: [{where: "flags = 'odd'", reason: odd}]
    laws: [chinchilla]
"""
PLANNED = ("--params", "70B", "--tokens", "1.4T")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "data/validated").mkdir(parents=True)
    pl.DataFrame(ROWS).write_parquet(tmp_path / "data/validated/own.parquet")
    kept = pl.DataFrame(ROWS).filter(pl.col("metric") == "loss@c4", pl.col("flags").is_null())
    kept.select("run", "params", "tokens", loss="value").write_csv(tmp_path / "runs.csv")
    return tmp_path


@pytest.mark.parametrize(
    "verb",
    [
        ("fit", "--law", "chinchilla", "--resamples", "20"),
        ("compare",),
    ],
)
def test_a_study_is_its_rows(project: Path, verb: tuple[str, ...]) -> None:
    name, *more = verb
    of_study, of_file = (cli(name, table, *more, "--json") for table in ("mine", "runs.csv"))
    assert of_study.returncode == of_file.returncode == 0, of_study.stderr
    assert "study mine: 19 rows of loss@c4" in of_study.stderr
    assert "1 left out by the exclusions of params.yaml" in of_study.stderr
    assert _figures(json.loads(of_study.stdout)) == _figures(json.loads(of_file.stdout))


def _figures(value: object) -> object:
    """Without what names the table, and the unit that only the study states."""
    if isinstance(value, dict):
        dropped = {"source", "version", "unit", "notes", "run", "assumptions"}
        return {k: _figures(v) for k, v in value.items() if k not in dropped}
    return [_figures(one) for one in value] if isinstance(value, list) else value


def test_neither_a_file_nor_a_study(project: Path) -> None:
    done = cli("fit", "mime", "--law", "chinchilla")
    assert done.returncode == 2
    for words in ("'mime'", "a file, or a study of params.yaml: mine", "Did you mean 'mine'?"):
        assert words in done.stderr
    assert "no such file" in cli("fit", "none.csv", "--law", "chinchilla").stderr


def test_a_file_goes_before_a_study_and_rows_that_are_not_here_are_said(project: Path) -> None:
    (project / "data/validated/own.parquet").unlink()
    done = cli("fit", "mine", "--law", "chinchilla")
    assert done.returncode == 2
    assert "own.parquet" in done.stderr and "scaling refit" in done.stderr


def test_options_equal_a_file(project: Path) -> None:
    (project / "at.csv").write_text("params,tokens\n70B,1.4T\n")
    by_file = cli("forecast", "runs.csv", "--at", "at.csv", "--json")
    by_options = cli("forecast", "runs.csv", *PLANNED, "--json")
    assert by_options.returncode == 0, by_options.stderr
    assert json.loads(by_file.stdout) == json.loads(by_options.stdout)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--params and --tokens (or --flops) of one run, or --at FILE"),
        ((*PLANNED, "--at", "runs.csv"), "--at and --params and --tokens"),
        (("--params", "70", "--tokens", "1T"), "too small for a language model"),
        (("--params", "seventy", "--tokens", "1T"), "--params"),
        (("--params", "70B", "--tokens", "-1"), "--tokens"),
        (("--flops", "1e24"), "flops"),
    ],
)
def test_planned_runs_that_cannot_be(project: Path, options: tuple[str, ...], words: str) -> None:
    done = cli("forecast", "runs.csv", *options)
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr and done.stdout == ""
