"""Outcomes on laws whose parameters are searched as they are, in whatever units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scaling
from scaling.fitting.engine import prepare
from scaling.fitting.result import Fit, Outcome
from scaling.fitting.solver.space import Prior
from scaling.fitting.uncertainty.sandwich import natural_errors, smooth_covariance
from scaling.laws import Law
from scaling.laws._law import Param

SQUARES = scaling.Objective("least_squares", link="linear")


def law_of(names: str, predict: Callable[[object, object], object]) -> Law:
    params = tuple(Param(name, "1", "", "real", (-3.0, 3.0)) for name in names)
    return Law("made_up", "", "", "", params, ("x",), predict, target="y")


LINE = law_of("ab", lambda p, x: p.a + p.b * x.x)
SUM = law_of("ab", lambda p, x: (p.a + p.b) * x.x)


def line(a: float, b: float, noise: float, rows: int = 20) -> pl.DataFrame:
    x = np.linspace(1.0, 3.0, rows)
    y = a + b * x + noise * np.random.default_rng(0).standard_normal(rows)
    return pl.DataFrame({"x": x, "y": y})


def fitted(runs: pl.DataFrame, law: Law = LINE, start: dict[str, float] | None = None) -> Fit:
    return scaling.fit(runs, law, target="y", objective=SQUARES, start=start, resamples=0)


@pytest.mark.parametrize("a", [0.0, 1e-9, 1.0, -1e6])
def test_a_parameter_near_zero_is_no_valley(a: float) -> None:
    made = fitted(line(a, 2.0, 0.1))
    assert made.outcome is Outcome.CONVERGED, made.reason
    assert made.certificate.weakest_sd < 0.5


def test_parameters_that_do_the_same_are_a_valley() -> None:
    for noise in (0.0, 1e-9, 0.1, 10.0):
        made = fitted(line(0.0, 2.0, noise), SUM)
        assert made.outcome is Outcome.NOT_IDENTIFIED
        assert "a" in made.reason and "b" in made.reason


def test_data_without_noise_are_no_failure() -> None:
    made = fitted(line(1.0, 2.0, 0.0))
    assert made.outcome is Outcome.CONVERGED, made.reason
    assert made.objective < 1e-25


@settings(max_examples=30)
@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9))
def test_units_change_no_outcome(of_x: float, of_y: float, noise: float) -> None:
    usual = line(0.3, -2.0, 10.0 ** min(noise, 1.0))
    other = usual.select(x=pl.col("x") * 10**of_x, y=pl.col("y") * 10**of_y)
    one = fitted(usual, start={"a": 1.0, "b": 1.0})
    two = fitted(other, start={"a": 10**of_y, "b": 10 ** (of_y - of_x)})
    assert one.outcome is two.outcome
    if one.objective > 1e-20:  # below, what is left is rounding
        assert two.certificate.weakest_sd == pytest.approx(one.certificate.weakest_sd, rel=1e-4)


def test_resamples_do_not_mind_units() -> None:
    usual = line(0.3, -2.0, 0.1)
    far = usual.select(x=pl.col("x") * 1e9, y=pl.col("y") * 1e12)
    one, two = (
        scaling.fit(runs, LINE, target="y", objective=SQUARES, resamples=50)
        for runs in (usual, far)
    )
    np.testing.assert_allclose(two.draws / [1e12, 1e3], one.draws, rtol=1e-4, atol=1e-6)


def test_a_prior_can_close_a_valley() -> None:
    prior = {"a": Prior(0.5, 0.1, "for this test")}
    runs = line(0.0, 2.0, 0.1)
    made = scaling.fit(runs, SUM, target="y", objective=SQUARES, priors=prior, resamples=0)
    assert made.outcome is Outcome.CONVERGED, made.reason
    assert made.values["a"] == pytest.approx(0.5, abs=1e-6)
    assert made.values["a"] + made.values["b"] == pytest.approx(2.0, abs=0.05)
    problem = prepare(runs, SUM, target="y", objective=SQUARES, priors=prior)
    u = problem.space.coordinates(made.theta[None])
    errors = natural_errors(problem, u, smooth_covariance(problem, u))
    assert errors == pytest.approx([0.1, 0.1], rel=0.05)
