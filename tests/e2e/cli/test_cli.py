"""The command line as a person uses it: real files, and a real process where it matters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import scaling
from tests.support import ROOT
from tests.support.command import cli

RUNS = ROOT / "data/published/chinchilla-epoch/runs.csv"


def process(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scaling", *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = pl.read_csv(RUNS).filter(~pl.col("flags").fill_null("").str.contains("outlier"))
    path = tmp_path / "runs.csv"
    rows.select(N="params", D="tokens", loss="value").write_csv(path)
    return path


MAPS = ("--map", "params=N", "--map", "tokens=D")


def test_fit_prints_json(table: Path) -> None:
    done = process("fit", table, "--law", "chinchilla", *MAPS, "--resamples", 50, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["law"] == "chinchilla"
    assert made["parameters"]["alpha"]["value"] == pytest.approx(0.34731, abs=1e-5)
    assert set(made["parameters"]["E"]) >= {"value", "se", "unit"}
    assert made["objective"] == pytest.approx(0.0010182740178, rel=1e-10)
    assert made["outcome"] == "converged"
    assert made["certificate"]["starts_agreeing"] == 1.0


def test_fit_prints_for_people(table: Path) -> None:
    done = cli("fit", table, "--law", "chinchilla", *MAPS, "--resamples", 20)
    assert "100% of 24 reached it" in done.stdout and "gradient" in done.stdout


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_forecast_equals_the_python_call(table: Path, tmp_path: Path, suffix: str) -> None:
    at = pl.DataFrame({"name": ["big"], "params": [7e10], "tokens": [1.4e12]})
    at.write_csv(tmp_path / "at.csv")
    out = tmp_path / f"out.{suffix}"
    levels = ("--quantile", 0.05, "--quantile", 0.5, "--quantile", 0.95)
    done = cli("forecast", table, *MAPS, "--at", tmp_path / "at.csv", "--out", out, *levels)
    assert done.returncode == 0, done.stderr
    readers = {"csv": pl.read_csv, "parquet": pl.read_parquet, "jsonl": pl.read_ndjson}
    made = readers[suffix](out)
    runs = pl.read_csv(table).rename({"N": "params", "D": "tokens"})
    same = scaling.forecast(runs, at, quantiles=(0.05, 0.5, 0.95))
    assert made.columns == ["name", "params", "tokens", "quantile", "value"]
    assert made["value"].to_list() == pytest.approx(same["value"].to_list(), rel=1e-12)
    low, middle, high = made["value"]
    assert low < middle < high
    assert f"{low:.4g} to {high:.4g}" in done.stdout
    assert "kaplan_joint alone lies outside the interval at 1 of 1 target." in done.stdout
    assert "big" in done.stdout and "decades out" in done.stdout and "params +0.64" in done.stdout


BAD = {
    "text": ("loss", "low", "text where a number belongs"),
    "negative": ("D", "-5", "> 0"),
    "zero": ("N", "0", "> 0"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_cells_exit_2_and_write_nothing(table: Path, tmp_path: Path, kind: str) -> None:
    column, text, words = BAD[kind]
    rows = pl.read_csv(table, infer_schema=False)
    bad = pl.when(pl.row_index() == 6).then(pl.lit(text)).otherwise(column).alias(column)
    rows.with_columns(bad).write_csv(table)
    (tmp_path / "at.csv").write_text("params,tokens\n1e9,1e10\n")
    out = tmp_path / "out.csv"
    calls = [
        cli("fit", table, "--law", "chinchilla", *MAPS),
        cli("forecast", table, *MAPS, "--at", tmp_path / "at.csv", "--out", out),
    ]
    for done in calls:
        assert done.returncode == 2
        assert "runs.csv" in done.stderr and "row 7" in done.stderr and words in done.stderr
        assert "Traceback" not in done.stderr and done.stdout == ""
    assert not out.exists()


def test_other_bad_input(table: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    headed = tmp_path / "headed.csv"
    headed.write_text("params,tokens,loss\n")
    binary = tmp_path / "binary.parquet"
    binary.write_bytes(b"PAR1 not really")
    cases = [
        (cli("fit", table, "--law", "chinchila", *MAPS), "Did you mean 'chinchilla'?"),
        (cli("fit", table, "--law", "chinchilla"), "missing column"),
        (cli("fit", table, "--law", "chinchilla", "--map", "params=X"), "missing column"),
        (
            cli("fit", table, "--law", "chinchilla", *MAPS, "--target", "los"),
            "Did you mean 'loss'?",
        ),
        (cli("fit", empty, "--law", "chinchilla"), "empty.csv"),
        (cli("fit", headed, "--law", "chinchilla"), "headed.csv"),
        (cli("fit", binary, "--law", "chinchilla"), "binary.parquet"),
        (process("fit", tmp_path / "none.csv", "--law", "chinchilla"), "no such file"),
    ]
    for done, words in cases:
        assert done.returncode == 2, done.stderr
        assert words in done.stderr and "Traceback" not in done.stderr


def test_help_groups_verbs() -> None:
    shown = cli("--help").stdout
    for words in ("Run the pipeline", "your own table", "Look up laws", "Publish"):
        assert words in shown


def test_look_ups() -> None:
    assert "E + A/N^alpha" in cli("laws").stdout
    assert "2404.10102" in cli("laws", "chinchilla").stdout
    assert "gemstones" in cli("sources").stdout
    assert "Besiroglu" in cli("sources", "chinchilla-epoch").stdout
    assert cli("sources", "gemstone").returncode == 2
