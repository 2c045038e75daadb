"""Exponents by architecture: truth inside the intervals, differences where there are some."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import scaling
from scaling.analysis.by_group import p_equal
from scaling.analysis.published_exponents import published_exponents
from scaling.cli.main import app
from scaling.errors import InputError

# alpha and beta by architecture; a = beta/(alpha+beta).
TRUTH = {"hybrid": (0.30, 0.34), "mamba": (0.34, 0.28), "transformer": (0.34, 0.28)}


@pytest.fixture(scope="module")
def runs() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    rows = [
        (name, n, ratio * n, 1.7 + 400 * n**-alpha + 420 * (ratio * n) ** -beta)
        for name, (alpha, beta) in TRUTH.items()
        for n in np.geomspace(3e7, 3e9, 8)
        for ratio in (5.0, 20.0, 80.0, 300.0)
    ]
    table = pl.DataFrame(rows, ["architecture", "params", "tokens", "loss"], orient="row")
    return table.with_columns(loss=pl.col("loss") * np.exp(0.002 * rng.standard_normal(len(rows))))


def test_exponents_of_architectures_and_their_difference(runs: pl.DataFrame) -> None:
    made = scaling.exponents(runs, by="architecture", resamples=100)
    law = {row["group"]: row for row in made.filter(pl.col("law") == "chinchilla").to_dicts()}
    for name, (alpha, beta) in TRUTH.items():
        assert law[name]["a_low"] < beta / (alpha + beta) < law[name]["a_high"]
        assert law[name]["params"] * law[name]["tokens"] * 6 == pytest.approx(made.budget)
    assert law["hybrid"]["difference"] is None
    for name in ("mamba", "transformer"):
        assert law[name]["difference_low"] < 0.4516 - 0.5313 < law[name]["difference_high"] < 0
    assert law["mamba"]["p_equal"] < 1e-3
    assert made.budget == pytest.approx(6 * 300 * 3e9**2)
    assert "which has most runs" in made.notes[0]


def test_equal_exponents_are_not_told_apart(runs: pl.DataFrame) -> None:
    same = runs.filter(pl.col("architecture") != "hybrid")
    made = scaling.exponents(same, by="architecture", resamples=100)
    law = made.filter(pl.col("law") == "chinchilla")
    assert law["p_equal"][0] > 0.05
    assert law["difference_low"][1] < 0 < law["difference_high"][1]


def test_the_test_of_equal_exponents_errs_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(0.5, 0.02, (2000, 3))
    p = [p_equal([(c, rng.normal(c, 0.02, 200)) for c in row]) for row in centres]
    assert np.mean(np.array(p, dtype=float) < 0.1) == pytest.approx(0.1, abs=0.025)
    assert p_equal([(0.5, rng.normal(0.5, 0.1, 50)), (0.4, np.zeros(0))]) is None


def test_published_exponents_by_architecture() -> None:
    known = published_exponents()
    assert known.select("architecture", "domain", "citation").null_count().sum_horizontal()[0] == 0
    mamba = known.filter(pl.col("architecture") == "Mamba").row(0, named=True)
    assert (mamba["a"], mamba["b"], mamba["read_in"]) == (0.388, 0.487, "digitised figure")
    early = pl.col("architecture").str.ends_with(" fusion")
    fusion = dict(known.filter(early).select("architecture", "a").iter_rows())
    assert fusion == {"early fusion": 0.526, "late fusion": 0.636, "sparse early fusion": 0.361}
    done = CliRunner().invoke(app, ["laws", "--exponents", "--json"])
    assert len(json.loads(done.output)["exponents"]) == known.height


def test_rows_without_a_group_and_single_groups(runs: pl.DataFrame, tmp_path: Path) -> None:
    first = pl.int_range(pl.len()) == 5
    column = pl.when(first).then(None).otherwise("architecture").alias("architecture")
    path = tmp_path / "runs.csv"
    runs.with_columns(column).write_csv(path)
    ask = CliRunner()
    done = ask.invoke(app, ["exponents", str(path), "--by", "architecture", "--resamples", "20"])
    assert done.exit_code == 0, done.output
    assert "1 row without architecture left out" in " ".join(done.output.split())
    assert "3, law in N and D; all equal: p =" in done.output
    done = ask.invoke(
        app, ["exponents", str(path), "--by", "architecture", "--resamples", "20", "--json"]
    )
    groups = {row["group"] for row in json.loads(done.output)["exponents"]}
    assert groups == set(TRUTH)
    with pytest.raises(InputError, match=r"too few groups to compare.*mamba"):
        scaling.exponents(runs.filter(pl.col("architecture") == "mamba"), by="architecture")
    with pytest.raises(InputError, match=r"missing column.*archi"):
        scaling.exponents(runs, by="archi")
