"""Answers in N, D and C: exponents by all approaches, effective data and params, returns."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from scaling.analysis.optimum import allocation, exponents
from scaling.analysis.returns import diminishing_returns
from scaling.cli.main import app
from scaling.errors import InputError
from scaling.fitting.engine import fit
from scaling.laws import chinchilla
from scaling.laws._isoflop import example
from scaling.laws._surface import compute_optimal

TRUE = 0.28 / 0.62  # beta / (alpha + beta) of the law behind `example`
LAW = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}


def isoflops(skew: float = 1.0, noise: bool = False) -> pl.DataFrame:
    """Eight budgets of nine sizes; ``skew`` moves the sizes off the optimum."""
    runs = example(np.random.default_rng(4))[0]
    if not noise:
        n, d = runs["params"] * skew, runs["tokens"] / skew
        loss = LAW["E"] + LAW["A"] * n ** -LAW["alpha"] + LAW["B"] * d ** -LAW["beta"]
        runs = runs.with_columns(params=n, tokens=d, loss=loss)
    return runs


def test_all_approaches_side_by_side() -> None:
    found = exponents(isoflops(noise=True), resamples=40, seed=1)
    rows = {row["law"]: row for row in found.to_dicts()}
    for name in ("isoflop", "isoflop_cubic", "isoflop_shared", "chinchilla"):
        row = rows[name]
        assert row["a"] == pytest.approx(TRUE, abs=0.03)
        assert row["a_low"] <= row["a"] <= row["a_high"]
        assert row["params"] * row["tokens"] * 6 == pytest.approx(3e21, rel=1e-6)
    assert rows["envelope"]["a"] is None and "run" in rows["envelope"]["note"]


@pytest.mark.parametrize("skew", [0.4, 1.0, 2.5])
def test_shared_exponents_have_no_bias_where_parabolas_have(skew: float) -> None:
    """Runs without noise from the law itself: what is left of the error is bias."""
    runs, budget = isoflops(skew), 1e24
    truth = float(compute_optimal(chinchilla.LAW, LAW, budget)[0])

    def off(name: str) -> float:
        made = fit(runs, name)
        return abs(np.log(made.predict({"flops": np.array([budget])})[0] / truth))

    assert off("isoflop_shared") < 1e-4
    if skew != 1.0:
        assert off("isoflop") > 0.01
        assert off("isoflop_cubic") < off("isoflop")


def test_optimum_of_a_law_without_closed_form() -> None:
    """Coupled with gamma 1 is approach 3, so the search must find the closed form."""
    made = fit(isoflops(), "coupled", fixed={"gamma": 1.0})
    plain = fit(isoflops(), "chinchilla")
    one, other = allocation(made, 1e22), allocation(plain, 1e22)
    assert one["params"].value == pytest.approx(other["params"].value, rel=1e-3)
    assert one["a"].value == pytest.approx(other["a"].value, abs=1e-3)


def test_diminishing_returns_keep_their_promise() -> None:
    made = fit(isoflops(noise=True), "chinchilla", resamples=40)
    found = diminishing_returns(made, 1e10, 2e11)
    k = found["compute_for_step"].value
    grown = {"params": np.array([1e10 * k**0.5]), "tokens": np.array([2e11 * k**0.5])}
    assert made.predict(grown)[0] == pytest.approx(found["loss"].value - 0.01, abs=1e-9)
    assert found["above_limit"].value == pytest.approx(
        found["loss"].value - made.values["E"], abs=1e-6
    )
    assert 0 < found["gain_of_doubling"].low <= found["gain_of_doubling"].high
    far = diminishing_returns(made, 1e30, 1e30)
    assert far["compute_for_step"].value == np.inf


def test_commands(tmp_path) -> None:
    path = tmp_path / "runs.csv"
    isoflops(noise=True).write_csv(path)
    ask = CliRunner()
    done = ask.invoke(app, ["exponents", str(path), "--resamples", "20", "--json"])
    assert done.exit_code == 0, done.output
    assert {row["law"] for row in json.loads(done.output)["exponents"]} >= {"isoflop", "chinchilla"}
    asked = ["returns", str(path), "--params", "1e10", "--tokens", "2e11", "--resamples", "20"]
    done = ask.invoke(app, asked)
    assert done.exit_code == 0 and "compute for step" in done.output
    mixed = isoflops().with_columns(metric=pl.Series(["a", "b"] * 36))
    with pytest.raises(InputError, match="mixes conventions"):
        exponents(mixed)
    done = ask.invoke(app, [*asked, "--law", "power_law"])
    assert isinstance(done.exception, InputError)
