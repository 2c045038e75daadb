"""Rows without the target, and runs that diverged: left out, counted and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.few_runs import simulate
from scaling.errors import InputError
from scaling.runs.diverged import diverged
from tests.support.command import cli

NAN = float("nan")


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Six runs; every tenth row has no loss, run-2 turns NaN and run-4 ends above its first."""
    late = pl.col("tokens") > pl.col("tokens").mean().over("run")
    table = simulate(6, True, np.random.default_rng(0)).with_columns(
        loss=pl.when(pl.int_range(pl.len()) % 10 == 3)
        .then(None)
        .when((pl.col("run") == "run-2") & late)
        .then(NAN)
        .when((pl.col("run") == "run-4") & late)
        .then(30.0)
        .otherwise("loss")
    )
    path = tmp_path / "runs.csv"
    table.sample(fraction=1.0, shuffle=True, seed=1).write_csv(path)
    return path


def test_diverged_runs_are_refused_with_the_way_out(sparse: Path) -> None:
    done = cli("fit", sparse, "--law", "chinchilla")
    assert done.returncode == 2
    assert "--without-diverged" in done.stderr and "found nan" in done.stderr
    assert "60 rows without loss left out." in done.stderr


def test_diverged_runs_are_left_out_and_named(sparse: Path) -> None:
    done = cli("fit", sparse, "--law", "chinchilla", "--without-diverged", "--resamples", 20)
    assert done.returncode == 0
    assert "2 of 6 runs diverged and are left out (180 rows)" in done.stderr
    assert "run-2 (not finite)" in done.stderr
    assert "run-4 (ends above its first value)" in done.stderr
    assert "360" in done.stdout and "4 clusters" in done.stdout


def test_forecast_leaves_them_out_too(sparse: Path, tmp_path: Path) -> None:
    planned = tmp_path / "planned.csv"
    pl.DataFrame({"params": [1e10], "tokens": [2e11]}).write_csv(planned)
    more = ("--at", planned, "--out", tmp_path / "out.csv")
    assert "--without-diverged" in cli("forecast", sparse, *more).stderr
    done = cli("forecast", sparse, *more, "--without-diverged")
    assert done.returncode == 0 and "2 of 6 runs diverged" in done.stderr
    assert pl.read_csv(tmp_path / "out.csv")["value"].max() < 10.0


@pytest.mark.parametrize(
    "verb",
    [
        ("returns", "--params", "1e10", "--tokens", "2e11", "--resamples", "0"),
        ("compare", "--law", "chinchilla"),
        ("influence", "--law", "chinchilla"),
        ("sensitivity", "--law", "chinchilla"),
    ],
)
def test_rows_without_the_target_are_skipped_and_counted(
    verb: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "runs.csv"
    whole = simulate(8, True, np.random.default_rng(0)).gather_every(10)
    hole = pl.when(pl.int_range(pl.len()) % 10 != 3).then("loss")
    whole.with_columns(loss=hole).write_csv(path)
    done = cli(verb[0], path, *verb[1:])
    assert done.returncode == 0, done.stderr
    assert "8 rows without loss left out." in done.stderr


def test_a_column_without_any_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss\n1e8,1e9,\n2e8,2e9,\n")
    assert "no row has a value" in cli("fit", path, "--law", "chinchilla").stderr


def test_what_counts_as_diverged() -> None:
    table = pl.DataFrame(
        {
            "run": ["a", "a", "a", "b", "b", "c", "c", "c", None, None],
            "tokens": [3, 1, 2, 1, 2, 1, 2, 3, 1, 1],
            "loss": [3.0, 4.0, 5.0, 4.0, float("inf"), 4.0, 3.0, 4.5, NAN, 3.0],
        }
    )
    found = {run: bad for run, _, bad in diverged(table, "loss").iter_rows()}
    assert found == {"b": True, "c": False, "row 9": True}  # a spike that recovers is none
    with pytest.raises(InputError, match="falls in training"):
        diverged(
            table.filter(pl.col("run") < "c").with_columns(loss=1 - 1 / pl.col("tokens")), "loss"
        )
