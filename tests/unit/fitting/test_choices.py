"""What a person can ask of `scaling.fit`, one by one: objectives, weights, priors, checks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import optimize

import scaling
from benchmarks.coverage import TRUTH, simulate
from scaling.fitting.result import Outcome
from scaling.laws import Law, get
from scaling.laws._law import Param
from tests.support.nist_models import load

SQUARES = scaling.Objective("least_squares")
RAW = scaling.Objective("least_squares", link="linear")


@pytest.fixture(scope="module")
def runs() -> pl.DataFrame:
    """The 240 points that Besiroglu et al. fit."""
    rows = pl.read_csv(Path("data/published/chinchilla-epoch/runs.csv"))
    kept = rows.filter(~pl.col("flags").fill_null("").str.contains("published_outlier"))
    return kept.rename({"value": "loss"})


# --- objectives ----------------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["chinchilla", "power_law"])
def test_raw_values_of_a_terms_law(runs: pl.DataFrame, law: str) -> None:
    family = get(law)
    made = scaling.fit(runs, law, objective=RAW, resamples=0)
    hidden = scaling.fit(runs, replace(family, terms=()), objective=RAW, resamples=0)
    assert made.outcome is Outcome.CONVERGED, made.reason
    assert made.link == "linear" and made.objective == pytest.approx(hidden.objective, rel=1e-12)
    np.testing.assert_allclose(made.theta, hidden.theta, rtol=1e-6)
    residual = made.predict({k: _column(runs, k) for k in family.inputs}) - runs["loss"].to_numpy()
    np.testing.assert_allclose(made.residuals, residual, rtol=1e-9, atol=1e-12)

    def residuals(u: np.ndarray) -> np.ndarray:
        x = {k: _column(runs, k) for k in family.inputs}
        return family(np.exp(u)[None], x)[0] - runs["loss"].to_numpy()

    begin = np.log(made.theta) + 0.02
    other = optimize.least_squares(residuals, begin, x_scale="jac", ftol=1e-15, xtol=1e-15)
    assert made.objective <= other.cost * (1 + 1e-9)
    if law == "chinchilla":  # facts of these points; see tests/unit/fitting/test_diagnostics.py
        assert made.values["E"] == pytest.approx(1.883, abs=5e-4)
        assert made.values["beta"] == pytest.approx(0.428, abs=5e-4)


def _column(runs: pl.DataFrame, name: str) -> np.ndarray:
    if name == "x":
        return (6.0 * runs["params"] * runs["tokens"]).to_numpy()
    return runs[name].to_numpy()


def test_raw_values_can_be_resampled(runs: pl.DataFrame) -> None:
    made = scaling.fit(runs, "chinchilla", objective=RAW, resamples=40, cluster="row")
    low, high = made.interval()["beta"]
    assert low < made.values["beta"] < high and 0.005 < made.se["beta"] < 0.1


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_quantiles_leave_their_share_above(tau: float) -> None:
    table = simulate(240, 0.02, False, np.random.default_rng(6))
    made = scaling.fit(
        table, "chinchilla", objective=scaling.Objective("quantile", tau=tau), resamples=0
    )
    assert np.mean(made.residuals > 0) == pytest.approx(tau, abs=5 / 240)
    assert made.certificate.gradient < 1e-5


def test_accuracies_are_a_logistic_regression() -> None:
    def predict(p: object, x: object) -> object:
        return 1.0 / (1.0 + np.exp(-(p.a + p.b * np.log(x.x))))

    params = (Param("a", "1", "", "real", (-20.0, 0.0)), Param("b", "1", "", "real", (0.0, 2.0)))
    law = Law("logit_line", "", "", "", params, ("x",), predict)
    rng = np.random.default_rng(0)
    x, trials = np.geomspace(1e3, 1e9, 40), rng.integers(20, 400, 40).astype(float)
    chance = 1 / (1 + np.exp(8 - 0.6 * np.log(x)))
    right = rng.binomial(trials.astype(int), chance)
    table = pl.DataFrame({"x": x, "acc": right / trials, "trials": trials})
    aim = scaling.Objective("binomial", link="logit")
    made = scaling.fit(table, law, target="acc", objective=aim, weights="trials", resamples=0)

    def deviance(theta: np.ndarray) -> float:
        eta = theta[0] + theta[1] * np.log(x)
        return float(np.sum(trials * np.logaddexp(0, eta) - right * eta))

    other = optimize.minimize(deviance, [-7.0, 0.5], method="Nelder-Mead", options={"xatol": 1e-9})
    assert made.objective == pytest.approx(other.fun, rel=1e-9)
    assert made.theta == pytest.approx(other.x, rel=1e-4)
    assert made.outcome is Outcome.CONVERGED, made.reason


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("aim", [SQUARES, RAW, scaling.Objective()])
def test_half_the_error_counts_as_four_rows(aim: scaling.Objective) -> None:
    table = simulate(60, 0.01, False, np.random.default_rng(2))
    sure = pl.Series([index % 3 == 0 for index in range(60)])
    weighted = table.with_columns(se=pl.when(sure).then(0.01).otherwise(0.02))
    repeated = pl.concat([table, *[table.filter(sure)] * 3])
    one = scaling.fit(weighted, "chinchilla", objective=aim, weights="se", resamples=0)
    two = scaling.fit(repeated, "chinchilla", objective=aim, resamples=0)
    np.testing.assert_allclose(one.theta, two.theta, rtol=1e-5)
    plain = scaling.fit(table, "chinchilla", objective=aim, resamples=0)
    assert abs(plain.values["alpha"] - one.values["alpha"]) > 1e-4


def test_equal_errors_change_nothing(runs: pl.DataFrame) -> None:
    table = runs.with_columns(se=pl.lit(0.3))
    plain, weighted = (
        scaling.fit(table, "chinchilla", weights=w, resamples=0) for w in (None, "se")
    )
    assert weighted.objective == pytest.approx(plain.objective, rel=1e-14)


@pytest.mark.parametrize("bad", [0.0, -0.1, None])
def test_standard_errors_are_positive(runs: pl.DataFrame, bad: float | None) -> None:
    table = runs.with_columns(se=pl.when(pl.row_index() == 2).then(pl.lit(bad)).otherwise(0.1))
    with pytest.raises(scaling.InputError, match="row 3, column 'se'"):
        scaling.fit(table, "chinchilla", weights="se", resamples=0)


# --- parameters ----------------------------------------------------------------------------------


def test_fixed_parameters_stay(runs: pl.DataFrame) -> None:
    made = scaling.fit(runs, "chinchilla", fixed={"E": 1.9, "beta": 0.4}, resamples=20)
    assert made.free == ("A", "B", "alpha")
    assert set(made.draws[:, 0]) == {1.9} and set(made.draws[:, 4]) == {0.4}
    assert made.se["E"] < 1e-12 and made.se["alpha"] > 0


def test_tied_parameters_move_together(runs: pl.DataFrame) -> None:
    made = scaling.fit(runs, "chinchilla", tied={"beta": "alpha"}, resamples=20)
    assert made.free == ("E", "A", "B", "alpha")
    np.testing.assert_array_equal(made.draws[:, 3], made.draws[:, 4])


def test_a_prior_is_one_more_observation(runs: pl.DataFrame) -> None:
    free = scaling.fit(runs, "chinchilla", objective=SQUARES, resamples=0)
    pulled = [free.values["E"]]
    for sd in (0.1, 0.02, 0.001):
        prior = {"E": scaling.Prior(1.7, sd, "for this test")}
        made = scaling.fit(runs, "chinchilla", objective=SQUARES, priors=prior, resamples=0)
        pulled.append(made.values["E"])
    assert pulled == sorted(pulled, reverse=True) and pulled[-1] == pytest.approx(1.7, abs=0.003)
    far = {"E": scaling.Prior(1.7, 1e6, "says nothing")}
    made = scaling.fit(runs, "chinchilla", objective=SQUARES, priors=far, resamples=0)
    assert made.values["E"] == pytest.approx(free.values["E"], rel=1e-6)


def test_a_box_is_a_prior_with_a_source(runs: pl.DataFrame) -> None:
    box = {"beta": scaling.Box(0.1, 0.3, "a review, say")}
    made = scaling.fit(runs, "chinchilla", priors=box, resamples=0)
    bounded = scaling.fit(runs, "chinchilla", bounds={"beta": (0.1, 0.3)}, resamples=0)
    assert made.values == bounded.values and made.outcome is Outcome.AT_BOUND
    with pytest.raises(scaling.InputError, match="source"):
        scaling.Box(0.1, 0.3, " ")
    with pytest.raises(scaling.InputError, match="low < high"):
        scaling.Box(0.3, 0.1, "a review")
    with pytest.raises(scaling.InputError, match="both"):
        scaling.fit(runs, "chinchilla", priors=box, bounds={"beta": (0.1, 0.2)}, resamples=0)


# --- second opinions -----------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["chinchilla", "kaplan_joint", "power_law"])
@pytest.mark.parametrize("aim", [scaling.Objective(), SQUARES, RAW])
def test_scipy_agrees(runs: pl.DataFrame, law: str, aim: scaling.Objective) -> None:
    made = scaling.fit(runs, law, objective=aim, check=True, resamples=0)
    assert made.certificate.solver == pytest.approx(made.objective, rel=1e-9)


@pytest.mark.parametrize("name", ["Misra1a", "Rat43", "Thurber"])
def test_scipy_agrees_whatever_the_units(name: str) -> None:
    case = load(name)
    made = scaling.fit(
        case.frame,
        case.law,
        target="y",
        objective=case.objective,
        start=case.start(2),
        check=True,
        resamples=0,
    )
    assert made.certificate.solver == pytest.approx(made.objective, rel=1e-6)


def test_profile_intervals_say_what_is_known() -> None:
    table = simulate(60, 0.003, False, np.random.default_rng(4))
    made = scaling.fit(table, "chinchilla", objective=SQUARES, profile=True, resamples=0)
    assert made.outcome is Outcome.CONVERGED and set(made.certificate.profile) == set(TRUTH)
    for name, (low, high) in made.certificate.profile.items():
        assert 0 < low < made.values[name] < high < np.inf, name
    assert made.to_dict()["certificate"]["profile90"]["E"][0] == made.certificate.profile["E"][0]


def test_an_interval_without_an_end_is_not_identified() -> None:
    # All runs lie on the plateau: k may be anything above 1.5, though the curvature at the
    # optimum claims a standard error.
    params = (
        Param("b", "1", "", "positive", (0.1, 10)),
        Param("k", "1", "", "positive", (0.1, 10)),
    )
    plateau = Law("plateau", "", "", "", params, ("x",), _saturating, target="y")
    x = np.linspace(1.0, 3.0, 8)
    y = 5.0 * (1.0 - np.exp(-2.0 * x)) + 0.3 * np.random.default_rng(1).standard_normal(8)
    table = pl.DataFrame({"x": x, "y": y})
    usual = scaling.fit(table, plateau, target="y", objective=RAW, resamples=0)
    made = scaling.fit(table, plateau, target="y", objective=RAW, profile=True, resamples=0)
    assert usual.outcome is Outcome.CONVERGED and usual.certificate.weakest_sd < 0.2
    assert made.certificate.profile["k"][1] == np.inf
    assert made.outcome is Outcome.NOT_IDENTIFIED and "k" in made.reason


def _saturating(p: object, z: object) -> object:
    return p.b * (1.0 - np.exp(-p.k * z.x))


@pytest.mark.parametrize("name", ["Misra1a", "ENSO", "Thurber"])
def test_profiles_do_not_mind_units(name: str) -> None:
    case = load(name)
    made = scaling.fit(
        case.frame,
        case.law,
        target="y",
        objective=case.objective,
        start=case.start(2),
        profile=True,
        resamples=0,
    )
    for parameter, (low, high) in made.certificate.profile.items():
        value, sd = case.certified[parameter], case.facts["certified_sd"][parameter]
        assert low < value < high
        assert (high - low) / (2 * 1.7 * sd) == pytest.approx(1.0, abs=0.25), parameter
