"""What Python and the command line take where nothing is named, and that both say so."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import scaling
from scaling.errors import InputError
from tests.support.command import cli
from tests.support.simulated import chinchilla_runs

RUNS = chinchilla_runs()
NAMED = "No law was named: chinchilla is the first that fits; `scaling laws --for RUNS` lists"


def test_without_a_law_the_first_that_fits_is_taken_and_named(tmp_path: Path) -> None:
    made, named = scaling.fit(RUNS, resamples=20), scaling.fit(RUNS, "chinchilla", resamples=20)
    assert made.values == named.values
    assert NAMED in made.notes[0]
    RUNS.write_csv(tmp_path / "runs.csv")
    done = cli("fit", str(tmp_path / "runs.csv"), "--resamples", "20", "--json")
    assert NAMED in done.stderr
    assert json.loads(done.stdout)["law"] == "chinchilla"


def test_repeated_tokens_choose_a_law_that_knows_them() -> None:
    few = RUNS["tokens"] / 10
    made = scaling.fit(RUNS.with_columns(few.alias("tokens_unique")), resamples=0)
    assert made.law.name == "data_constrained"


def test_where_no_tested_law_fits_the_laws_are_named() -> None:
    table = {"name": ["a", "b"], "loss": [2.0, 1.9]}
    with pytest.raises(InputError, match=r"which law\?.*none of this table"):
        scaling.fit(table)


@pytest.mark.parametrize(
    ("law", "columns", "said"),
    [
        ("power_law", ["params", "tokens"], "x is compute, counted as 6 x params x tokens (6ND)."),
        ("power_law", ["flops"], "x is flops."),
        ("kaplan_compute", ["params", "tokens"], "No column flops: compute, counted as"),
        ("precision", ["params", "tokens"], "taken as bits_weights = 16, bits_activations = 16"),
    ],
)
def test_what_stands_for_a_missing_column_is_said(law: str, columns: list[str], said: str) -> None:
    runs = RUNS.with_columns(flops=6 * pl.col("params") * pl.col("tokens"))
    made = scaling.fit(runs.select(*columns, "loss"), law, resamples=0)
    assert said in " ".join(made.notes)


def test_a_column_that_is_there_needs_no_sentence() -> None:
    assert scaling.fit(RUNS, "chinchilla", resamples=20).notes == ()


def test_one_planned_run_is_named_by_its_sizes() -> None:
    short = scaling.forecast(RUNS, params="70B", tokens=1.4e12)
    long = scaling.forecast(RUNS, {"params": ["70B"], "tokens": [1.4e12]})
    assert short.equals(long)


def test_planned_runs_are_named_once() -> None:
    with pytest.raises(InputError, match="which planned runs"):
        scaling.forecast(RUNS)
    with pytest.raises(InputError, match="found 'at and params'"):
        scaling.forecast(RUNS, {"params": ["70B"], "tokens": [1.4e12]}, params="7B")
