"""`scaling compare`, `influence` and `sensitivity` as a person uses them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.support.command import cli

RUNS = Path("data/published/chinchilla-epoch/runs.csv")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare") / "runs.csv"
    runs = pl.read_csv(RUNS).filter(~pl.col("flags").fill_null("").str.contains("outlier"))
    some = runs.select("run", "params", loss="value", D="tokens").gather_every(4)
    some.with_columns(band=pl.col("params").log(10.0).round(0)).write_csv(path)
    return path


def test_cli_compare(table: Path) -> None:
    both = ("--law", "chinchilla", "--law", "power_law", "--map", "tokens=D")
    done = cli("compare", table, *both, "--by", "band", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert [line["law"] for line in made["criteria"]] == ["chinchilla", "power_law"]
    assert {line["law"] for line in made["rolling_origin"]} == {"chinchilla", "power_law"}
    assert {line["law"] for line in made["groups"]} == {"chinchilla", "power_law"}
    shown = cli("compare", table, *both)
    assert shown.returncode == 0, shown.stderr
    for words in ("chinchilla", "ΔAICc", "decades of compute"):
        assert words in shown.stdout


def test_cli_influence(table: Path, tmp_path: Path) -> None:
    at = tmp_path / "at.csv"
    at.write_text("name,params,tokens\nbig,7e10,1.4e12\n")
    given = ("--law", "chinchilla", "--map", "tokens=D", "--top", 3)
    done = cli("influence", table, *given, "--at", at, "--json")
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout)["influence"]
    assert len(lines) == 3 and lines[0]["run"].startswith("chin-")
    assert set(lines[0]) >= {"E", "alpha", "distance", "method", "prediction_big"}
    shown = cli("influence", table, *given, "--by", "band")
    assert shown.returncode == 0, shown.stderr
    assert "band" in shown.stdout and "standard errors" in shown.stdout


def test_cli_sensitivity(table: Path) -> None:
    given = ("--law", "chinchilla", "--map", "tokens=D")
    done = cli("sensitivity", table, "--law", "power_law", "--map", "tokens=D", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["panel"]) == 12
    shown = cli("sensitivity", table, *given, "--exclude", "params < 1e8", "--cluster", "band")
    assert shown.returncode == 0, shown.stderr
    for words in ("without the exclusion: params < 1e8", "squares", "D/N", "se by band"):
        assert words in shown.stdout


def test_cli_refuses_bad_input(table: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    negative = pl.when(pl.row_index() == 6).then(-1.0).otherwise("loss")
    pl.read_csv(table).with_columns(loss=negative).write_csv(bad)
    law = ("--law", "chinchilla", "--map", "tokens=D")
    cases = [
        (cli("compare", table, "--law", "chinchila"), "Did you mean 'chinchilla'?"),
        (cli("compare", bad, "--map", "tokens=D"), "bad.csv, row 7, column 'loss'"),
        (cli("influence", table, *law, "--by", "ban"), "Did you mean 'band'?"),
        (cli("sensitivity", table, *law, "--exclude", "params <"), "exclusion cannot be read"),
        (cli("sensitivity", table, *law, "--budget", "-1"), "compute budget out of range"),
    ]
    for done, words in cases:
        assert done.returncode == 2, done.stdout + done.stderr
        assert words in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


def test_the_command_starts_light() -> None:
    code = "import sys, scaling.cli.main; print({'numpy', 'scipy', 'polars'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
