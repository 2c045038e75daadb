"""Intervals: small-sample factors, clusters, profile likelihood, wild bootstrap."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import scaling
from benchmarks.coverage import TRUTH, simulate
from scaling.fitting.engine import prepare, solve
from scaling.fitting.uncertainty.profile import profile_interval
from scaling.fitting.uncertainty.small_samples import factor, t_over_z


@pytest.fixture(scope="module")
def study() -> pl.DataFrame:
    return simulate(60, 0.005, True, np.random.default_rng(1))


def test_t_over_z_against_scipy() -> None:
    from scipy import stats

    for degrees in (1, 2, 5, 10, 11, 20, 100):
        exact = stats.t.ppf(0.95, degrees) / stats.norm.ppf(0.95)
        assert t_over_z(degrees) == pytest.approx(exact, abs=2e-3)


def test_few_clusters_are_stretched_and_naive_errors_stand_beside(study: pl.DataFrame) -> None:
    by_budget = scaling.fit(study, "chinchilla", resamples=200, cluster="budget", method="pairs")
    made = by_budget.resampling
    assert made is not None and made.cluster == "budget" and made.clusters == 10
    assert made.stretched == pytest.approx(10 / 9 * np.sqrt(59 / 55) * t_over_z(9))
    assert set(made.naive_se) == set(TRUTH)
    by_row = scaling.fit(study, "chinchilla", resamples=200, cluster="row")
    assert by_row.se["E"] == pytest.approx(made.naive_se["E"], rel=0.3)


def test_default_cluster_is_the_coarsest_lineage(study: pl.DataFrame) -> None:
    made = scaling.fit(study, "chinchilla", resamples=20)
    assert made.resampling is not None and made.resampling.cluster == "budget"
    families = study.with_columns(family=pl.row_index() % 12)
    made = scaling.fit(families, "chinchilla", resamples=20)
    assert made.resampling is not None and made.resampling.cluster == "family"


def test_factor_grows_to_one() -> None:
    rng = np.random.default_rng(0)
    values = []
    for rows in (20, 60, 240):
        problem = prepare(simulate(rows, 0.01, False, rng), "chinchilla")
        values.append(factor(problem, solve(problem)[1], rows))
    assert 0.6 < values[0] < values[1] < values[2] < 1.1


def test_profile_agrees_with_the_bootstrap_for_least_squares() -> None:
    aim = scaling.Objective("least_squares")
    runs = simulate(240, 0.003, False, np.random.default_rng(4))
    problem = prepare(runs, "chinchilla", objective=aim)
    u = solve(problem)[1]
    made = scaling.fit(runs, "chinchilla", objective=aim, resamples=1000, cluster="row")
    for name, (low, high) in made.interval().items():
        left, right = profile_interval(problem, u, name)
        width = np.log(high / low)
        assert np.log(left / low) == pytest.approx(0, abs=0.35 * width), name
        assert np.log(right / high) == pytest.approx(0, abs=0.35 * width), name


def test_profile_is_open_where_nothing_is_known() -> None:
    runs = simulate(20, 0.01, False, np.random.default_rng(3))
    flat = runs.with_columns(tokens=pl.lit(1e10), loss=pl.col("loss") * 0 + 2.0)
    noisy = flat.with_columns(loss=2.0 + 0.01 * pl.Series(np.random.default_rng(0).normal(size=20)))
    problem = prepare(noisy, "chinchilla", objective=scaling.Objective("least_squares"))
    left, right = profile_interval(problem, solve(problem)[1], "beta")
    assert left == 0.0 or right == np.inf


def test_wild_is_the_default_by_cluster_and_deterministic(study: pl.DataFrame) -> None:
    one, two = (scaling.fit(study, "chinchilla", resamples=500, cluster="budget") for _ in "ab")
    assert one.draws.tobytes() == two.draws.tobytes()
    pairs = scaling.fit(study, "chinchilla", resamples=500, cluster="budget", method="pairs")
    for name in TRUTH:
        a, b = one.interval()[name], pairs.interval()[name]
        assert 0.2 < np.log(a[1] / a[0]) / np.log(b[1] / b[0]) < 5, name


def test_weights_from_standard_errors() -> None:
    runs = simulate(60, 0.003, False, np.random.default_rng(2))
    rng = np.random.default_rng(5)
    bad = pl.Series([index % 2 == 1 for index in range(60)])
    noise = pl.Series(np.exp(0.1 * rng.standard_normal(60)))
    spoiled = runs.with_columns(
        loss=pl.when(bad).then(pl.col("loss") * noise).otherwise("loss"),
        se=pl.when(bad).then(0.3).otherwise(0.003),
    )
    aim = scaling.Objective("least_squares")
    plain = scaling.fit(spoiled, "chinchilla", objective=aim, resamples=0)
    weighted = scaling.fit(spoiled, "chinchilla", objective=aim, weights="se", resamples=0)
    truth = np.array([TRUTH["alpha"], TRUTH["beta"]])
    errors = [
        np.abs(np.array([m.values["alpha"], m.values["beta"]]) - truth).sum()
        for m in (plain, weighted)
    ]
    assert errors[1] < errors[0]


def test_quantile_draws_the_frontier() -> None:
    runs = simulate(240, 0.02, False, np.random.default_rng(6))
    aim = scaling.Objective("quantile", tau=0.1, delta=1e-3)
    made = scaling.fit(runs, "chinchilla", objective=aim, resamples=0)
    below = np.mean(made.residuals > 0)
    assert below == pytest.approx(0.1, abs=0.03)


def test_binomial_recovers_accuracies() -> None:
    from scaling.laws import Law, Param

    def predict(p: object, x: object) -> object:
        return 1.0 / (1.0 + np.exp(-(p.a + p.b * np.log(x.x))))

    law = Law(
        name="logit_line",
        title="",
        formula="",
        citation="",
        params=(
            Param("a", "1", "", "real", (-20.0, 0.0)),
            Param("b", "1", "", "real", (0.0, 2.0)),
        ),
        inputs=("x",),
        predict=predict,
    )
    rng = np.random.default_rng(0)
    x = np.geomspace(1e3, 1e9, 40)
    p = 1 / (1 + np.exp(-(-8 + 0.6 * np.log(x))))
    trials = np.full(40, 200.0)
    runs = pl.DataFrame({"x": x, "acc": rng.binomial(200, p) / 200, "trials": trials})
    aim = scaling.Objective("binomial", link="logit")
    made = scaling.fit(runs, law, target="acc", objective=aim, weights="trials", resamples=0)
    assert made.values["b"] == pytest.approx(0.6, abs=0.06)
    assert made.certificate.gradient < 1e-6


def test_linear_link_has_exact_slopes() -> None:
    runs = simulate(60, 0.003, False, np.random.default_rng(2))
    problem = prepare(runs, "chinchilla", objective=scaling.Objective("least_squares", "linear"))
    u = problem.space.coordinates(np.array([list(TRUTH.values())]))
    g = problem.evaluate(u).g[0]
    h = 1e-6
    for j, step in enumerate(h * np.eye(5)):
        slope = (problem.value(u + step) - problem.value(u - step))[0] / (2 * h)
        assert g[j] == pytest.approx(slope, rel=1e-4, abs=1e-8)
