"""IsoFLOP minima: their sign, what is left out, and budgets that a column names."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.analysis.optimum import exponents
from scaling.errors import InputError
from tests.support.command import cli

LAWS = ("isoflop", "isoflop_cubic", "isoflop_shared")


def curves(
    down: int = 0, budgets: int = 5, spread: float = 0.0, noise: float = 1e-3, seed: int = 0
) -> pl.DataFrame:
    """Seven sizes at each budget, best at .9 (C/6)^.45; the loss of the first ``down`` budgets is
    turned over, and compute scatters by ``spread`` (in logs) within a budget."""
    rng, rows = np.random.default_rng(seed), []
    for at, flops in enumerate(np.geomspace(1e18, 1e21, budgets)):
        best = 0.9 * (flops / 6.0) ** 0.45
        for n in best * np.geomspace(0.2, 5.0, 7):
            sign = -1.0 if at < down else 1.0
            loss = 3.0 + sign * 0.1 * np.log(n / best) ** 2 + noise * rng.standard_normal()
            spent = flops * np.exp(spread * rng.uniform(-1.0, 1.0))
            rows.append((f"budget {at}", spent, n, spent / 6.0 / n, loss))
    return pl.DataFrame(rows, schema=["group", "flops", "params", "tokens", "loss"], orient="row")


@pytest.mark.parametrize("law", LAWS)
def test_the_worst_size_is_no_optimum(law: str) -> None:
    with pytest.raises(InputError, match=r"0 of 5.*in \d the curve opens downward"):
        scaling.fit(curves(down=5), law, resamples=0)


@pytest.mark.parametrize("law", LAWS)
def test_a_curve_that_opens_downward_is_left_out_and_said(law: str) -> None:
    made = scaling.fit(curves(down=1), law, resamples=30)
    assert made.values["a"] == pytest.approx(0.45, abs=0.03)
    assert "1 budget of 5 left out: in 1 the curve opens downward." in made.notes
    told = {row["law"]: row for row in exponents(curves(down=1), resamples=30).to_dicts()}
    assert "opens downward" in told[law]["note"] and told[law]["outcome"] == "estimated"


@pytest.mark.parametrize("law", LAWS)
def test_resamples_without_an_answer_are_counted(law: str) -> None:
    made = scaling.fit(curves(budgets=3, noise=0.01), law, resamples=60)
    said = any("of 60 resamples" in note and "no answer" in note for note in made.notes)
    assert said == (len(made.resampled) < 60)


def test_too_few_answers_give_no_interval() -> None:
    made = scaling.fit(curves(budgets=3, noise=0.2, seed=5), "isoflop_cubic", resamples=60)
    assert len(made.draws) == 0
    assert any(note.startswith("No intervals") and "no answer" in note for note in made.notes)


@pytest.mark.parametrize("law", LAWS)
def test_no_warning_reaches_the_person(law: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(4):
            table = curves(budgets=3, noise=0.05, seed=seed)
            try:
                scaling.fit(table, law, resamples=30).to_dict()
            except InputError:
                continue


def test_a_column_names_the_budgets(tmp_path: Path) -> None:
    table, path = curves(spread=0.2, noise=0.0), tmp_path / "runs.csv"
    table.write_csv(path)
    with pytest.raises(InputError, match="--budget-column"):
        scaling.fit(table, "isoflop", resamples=0)
    made = scaling.fit(table, "isoflop", inputs={"budget_group": "group"}, resamples=0)
    assert made.values["a"] == pytest.approx(0.45, abs=0.02)
    assert any("differs by up to a factor of 1.4" in note for note in made.notes)
    exact = curves(noise=0.0)
    by_name = scaling.fit(exact, "isoflop", inputs={"budget_group": "group"}, resamples=0)
    np.testing.assert_allclose(
        by_name.theta, scaling.fit(exact, "isoflop", resamples=0).theta, rtol=1e-12
    )
    more = ("--budget-column", "group", "--resamples", 20)
    assert "factor of 1.4" in " ".join(cli("fit", path, "--law", "isoflop", *more).stdout.split())
    assert "factor of 1.4" in " ".join(cli("exponents", path, *more).stdout.split())


def test_a_budget_column_must_be_there_filled_and_of_use(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    holed = pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("group")
    curves().with_columns(hole=holed, empty=pl.lit(None, dtype=pl.String)).write_csv(path)
    start = ("fit", path, "--law")
    assert "missing column" in cli(*start, "isoflop", "--budget-column", "grup").stderr
    error = cli(*start, "isoflop", "--budget-column", "hole").stderr
    assert "row 4" in error and "'hole'" in error
    assert "row 1" in cli(*start, "isoflop", "--budget-column", "empty").stderr
    assert "isoFLOP" in cli(*start, "chinchilla", "--budget-column", "group").stderr
