"""Comparison and diagnostics of fits: against closed forms, brute force and known figures."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import integrate, stats

import scaling
from scaling.errors import InputError
from scaling.fitting.data import compute
from scaling.fitting.diagnostics import compare, influence, rolling, sensitivity
from scaling.fitting.diagnostics.exclusions import Exclusion, lift
from scaling.fitting.engine import prepare, solve
from scaling.fitting.result import Fit, Outcome
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.problem import Problem
from scaling.laws import chinchilla
from scaling.laws._surface import compute_optimal
from scaling.pipeline import fit

RUNS = Path("data/published/chinchilla-epoch/runs.csv")
OUTLIERS = Exclusion("flags LIKE '%published_outlier%'", "the 5 highest losses")
SQUARES = Objective(kind="least_squares")
RAW_SQUARES = Objective(kind="least_squares", link="linear")
TRUTH = {
    "chinchilla": {"E": 1.82, "A": 478.0, "B": 2143.0, "alpha": 0.347, "beta": 0.367},
    "kaplan_joint": {"Nc": 6.4e13, "Dc": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
    "power_law": {"E": 1.7, "A": 2000.0, "alpha": 0.16},
}


@pytest.fixture(scope="module")
def all_runs() -> pl.DataFrame:
    """The 245 points of Figure 4 of the Chinchilla paper."""
    return pl.read_csv(RUNS).rename({"value": "loss"})


@pytest.fixture(scope="module")
def runs(all_runs: pl.DataFrame) -> pl.DataFrame:
    """Without the five outliers: the 240 points that Besiroglu et al. fit."""
    return all_runs.filter(~pl.col("flags").fill_null("").str.contains("published_outlier"))


def simulated(
    rows: int, law: str = "chinchilla", noise: float = 0.005, seed: int = 0, raw: bool = False
) -> pl.DataFrame:
    """Runs of a law with known parameters, noise multiplied (or, with ``raw``, added)."""
    rng = np.random.default_rng(seed)
    params = np.exp(rng.uniform(np.log(5e7), np.log(1e10), rows))
    tokens = np.exp(rng.uniform(np.log(1e9), np.log(3e11), rows))
    x = {"params": params, "tokens": tokens, "x": 6 * params * tokens}
    true = scaling.laws.get(law)(TRUTH[law], x).ravel()
    error = noise * rng.standard_normal(rows)
    loss = true + error if raw else true * np.exp(error)
    names = [f"run-{at}" for at in range(rows)]
    return pl.DataFrame({"run": names, "params": params, "tokens": tokens, "loss": loss})


def fitted(runs: pl.DataFrame, law: str, aim: Objective | None = None) -> tuple[Problem, Fit]:
    problem = prepare(runs, law, objective=aim)
    return problem, solve(problem)[0]


# --- criteria ------------------------------------------------------------------------------------


@pytest.mark.parametrize("corner", [1e-3, 0.7, 30.0, math.inf])
@pytest.mark.parametrize("scale", [0.02, 1.0, 5.0])
def test_the_density_integrates_to_one(corner: float, scale: float) -> None:
    normaliser = math.exp(compare.log_normaliser(scale, corner))

    def density(r: float) -> float:
        return float(np.exp(-compare.huber(np.array(r), corner) / scale**2)) / normaliser

    # Widths of the bell and of the exponential tails.
    reach = 40 * max(scale, scale**2 / corner)
    ends = sorted({0.0, min(corner, reach), min(8 * scale, reach), reach})
    parts = [integrate.quad(density, *pair, limit=200)[0] for pair in itertools.pairwise(ends)]
    assert 2 * sum(parts) == pytest.approx(1.0, abs=1e-7)


def test_gaussian_likelihood_is_scipys(runs: pl.DataFrame) -> None:
    loss = runs["loss"].to_numpy()
    problem, made = fitted(runs, "chinchilla", SQUARES)
    seen = compare.criteria(problem, made)
    assert seen.scale == pytest.approx(np.sqrt(np.mean(made.residuals**2)), rel=1e-9)
    predicted = np.exp(problem.y + made.residuals)
    known = stats.lognorm.logpdf(loss, seen.scale, scale=predicted).sum()
    assert seen.log_likelihood == pytest.approx(known, rel=1e-9)
    problem, made = fitted(runs, "chinchilla", RAW_SQUARES)
    seen = compare.criteria(problem, made)
    known = stats.norm.logpdf(made.residuals, scale=seen.scale).sum()
    assert seen.log_likelihood == pytest.approx(known, rel=1e-9)


def test_a_tiny_corner_is_laplace(runs: pl.DataFrame) -> None:
    problem, made = fitted(runs, "chinchilla")
    seen = compare.criteria(problem, made, corner=1e-9)
    size = np.abs(made.residuals).mean()
    known = stats.laplace.logpdf(made.residuals, scale=size).sum() - problem.y.sum()
    assert seen.log_likelihood == pytest.approx(known, rel=1e-5)


def test_scale_and_parameters_are_at_the_maximum(runs: pl.DataFrame) -> None:
    problem, made = fitted(runs, "chinchilla")
    best = compare.criteria(problem, made)
    rho = compare.huber(made.residuals, 1e-3)
    for factor in (0.99, 1.01):
        scale = best.scale * factor
        other = -rho.sum() / scale**2 - 240 * compare.log_normaliser(scale, 1e-3)
        assert other + compare.log_jacobian(problem) < best.log_likelihood
    for name in ("E", "alpha"):
        moved = scaling.fit(runs, "chinchilla", fixed={name: made.values[name] * 1.01}, resamples=0)
        assert compare.criteria(problem, moved).log_likelihood < best.log_likelihood


def test_criteria_count_the_scale(runs: pl.DataFrame) -> None:
    problem, made = fitted(runs, "chinchilla")
    seen = compare.criteria(problem, made)
    assert (seen.k, seen.rows) == (6, 240)
    assert seen.aic == pytest.approx(12 - 2 * seen.log_likelihood)
    assert seen.aicc == pytest.approx(seen.aic + 2 * 6 * 7 / (240 - 7))
    assert seen.bic == pytest.approx(6 * math.log(240) - 2 * seen.log_likelihood)
    few = simulated(7)
    assert compare.criteria(*fitted(few, "chinchilla")).aicc == math.inf


def test_weights_are_variances() -> None:
    table = simulated(40).with_columns(se=pl.Series(np.tile([0.003, 0.012], 20)))
    problem = prepare(table, "chinchilla", objective=SQUARES, weights="se")
    made = solve(problem)[0]
    seen = compare.criteria(problem, made)
    sd = seen.scale / np.sqrt(problem.weights)
    known = stats.norm.logpdf(made.residuals, scale=sd).sum() - problem.y.sum()
    assert seen.log_likelihood == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("law", TRUTH)
def test_the_true_law_wins(law: str) -> None:
    table = simulated(120, law, seed=1)
    made = compare.compare([fitted(table, name, SQUARES) for name in TRUTH])
    assert made["law"][0] == law
    assert made["weight"][0] > 0.9
    assert made["weight"].sum() == pytest.approx(1.0)
    for name in ("aic", "aicc", "bic"):
        assert made[f"delta_{name}"][0] == 0


@pytest.mark.parametrize("raw", [False, True])
def test_the_scale_of_the_noise_wins(raw: bool) -> None:
    # The Jacobian makes fits on logs and on raw values comparable.
    table = simulated(400, noise=0.05, seed=2, raw=raw)
    made = compare.compare(
        [fitted(table, "chinchilla", SQUARES), fitted(table, "chinchilla", RAW_SQUARES)]
    )
    assert ("linear" in made["objective"][0]) is raw


def test_what_cannot_be_compared(runs: pl.DataFrame) -> None:
    one, other = fitted(runs, "chinchilla"), fitted(runs.head(100), "chinchilla")
    with pytest.raises(InputError, match="different rows"):
        compare.compare([one, other])
    with pytest.raises(InputError, match="fit of other rows"):
        compare.criteria(one[0], other[1])
    with pytest.raises(InputError, match="no likelihood"):
        compare.criteria(*fitted(runs, "chinchilla", Objective(kind="quantile")))
    with pytest.raises(InputError, match="corner"):
        compare.criteria(*one, corner=0.0)
    with pytest.raises(InputError, match="nothing"):
        compare.compare([])


# --- influence -----------------------------------------------------------------------------------


@pytest.mark.parametrize("aim", [Objective(), SQUARES])
def test_leave_one_out_equals_brute_force(aim: Objective) -> None:
    table = simulated(30, seed=4)
    problem, made = fitted(table, "chinchilla", aim)
    seen = influence.influence(problem, made, np.arange(30))
    assert seen.method == "refit"
    for at in range(0, 30, 3):
        rest = table.filter(pl.int_range(pl.len()) != at)
        alone = scaling.fit(rest, "chinchilla", objective=aim, resamples=0)
        assert seen.theta[at] == pytest.approx(alone.theta, rel=1e-5)


def test_leave_one_group_out_equals_brute_force(runs: pl.DataFrame) -> None:
    table = runs.with_columns(band=pl.col("params").log(10.0).round(0).cast(pl.Int64))
    problem, made = fitted(table, "chinchilla")
    target = pl.DataFrame({"name": ["big"], "params": [7e10], "tokens": [1.4e12]})
    seen = influence.influence_table(table, problem, made, by="band", targets=target)
    assert seen["rows"].sum() == 240
    x = {"params": np.array([7e10]), "tokens": np.array([1.4e12])}
    for line in seen.iter_rows(named=True):
        rest = table.filter(pl.col("band").cast(pl.String) != line["band"])
        alone = scaling.fit(rest, "chinchilla", resamples=0)
        change = alone.predict(x)[0] - made.predict(x)[0]
        assert line["prediction_big"] == pytest.approx(change, abs=1e-7)


def test_one_step_is_close(runs: pl.DataFrame) -> None:
    # In standard errors. Huber's delta of 1e-3 is nearly L1: the optimum moves in jumps.
    for aim, bound, agreement in ((SQUARES, 0.08, 0.99), (Objective(), 0.2, 0.85)):
        problem, made = fitted(runs, "chinchilla", aim)
        rows = np.arange(240)
        u = problem.space.coordinates(made.theta[None])
        exact = influence.exact_refits(problem, u[0], rows) - u
        step = influence.one_step(problem, u, rows) - u
        errors = np.sqrt(np.diag(influence.sandwich.smooth_covariance(problem, u)))
        assert np.abs((step - exact) / errors).max() < bound
        for k in range(5):
            assert np.corrcoef(step[:, k], exact[:, k])[0, 1] > agreement


def test_large_tables_take_one_step() -> None:
    table = simulated(2_500)
    problem, made = fitted(table, "chinchilla")
    seen = influence.influence(problem, made, np.arange(2_500))
    assert seen.method == "one step"
    most = int(np.argmax(seen.distance))
    rest = table.filter(pl.int_range(pl.len()) != most)
    alone = scaling.fit(rest, "chinchilla", start=made.values, resamples=0)
    u, other = problem.space.coordinates(np.stack([seen.theta[most], alone.theta]))
    best = problem.space.coordinates(made.theta[None])
    errors = np.sqrt(np.diag(influence.sandwich.smooth_covariance(problem, best)))
    assert np.abs((u - other) / errors).max() < 0.05


def test_a_planted_outlier_comes_first() -> None:
    table = simulated(60, seed=5)
    bad = table.with_columns(
        loss=pl.when(pl.col("run") == "run-17").then(pl.col("loss") * 1.08).otherwise("loss")
    )
    problem, made = fitted(bad, "chinchilla", SQUARES)
    seen = influence.influence_table(bad, problem, made)
    assert seen["run"][0] == "run-17"
    assert seen["distance"][0] > 2 * seen["distance"][1]
    assert set(seen.columns) == {
        "run",
        "rows",
        "distance",
        "E",
        "A",
        "B",
        "alpha",
        "beta",
        "method",
    }


def test_influence_without_names_or_with_a_wrong_one(runs: pl.DataFrame) -> None:
    table = simulated(20).drop("run")
    problem, made = fitted(table, "power_law")
    assert sorted(influence.influence_table(table, problem, made)["row"]) == list(range(1, 21))
    with pytest.raises(InputError, match="missing column"):
        influence.influence_table(table, problem, made, by="famly")
    with pytest.raises(InputError, match="nothing to leave out"):
        influence.influence(problem, made, np.zeros(20, dtype=np.int64))
    with pytest.raises(InputError, match="other rows"):
        influence.influence(*fitted(runs, "power_law"), np.arange(20))


def test_smooth_errors_are_near_the_bootstraps(runs: pl.DataFrame) -> None:
    # Besiroglu et al. 2024, notebook: E .0257, alpha .0154, beta .0206.
    problem, made = fitted(runs, "chinchilla")
    u = problem.space.coordinates(made.theta[None])
    covariance = influence.sandwich.smooth_covariance(problem, u)
    errors = influence.sandwich.natural_errors(problem, u, covariance)
    assert errors[[0, 3, 4]] == pytest.approx([0.0257, 0.0154, 0.0206], rel=0.3)


# --- rolling origin ------------------------------------------------------------------------------


def test_rolling_origin_equals_brute_force(runs: pl.DataFrame) -> None:
    flops = compute(runs)
    problem = prepare(runs, "chinchilla")
    seen = rolling.rolling_origin(problem, flops)
    assert seen["origin"].n_unique() == 5
    for (origin,), part in seen.group_by("origin"):
        below = flops < origin
        made = scaling.fit(runs.filter(pl.Series(below)), "chinchilla", resamples=0)
        above = runs.filter(pl.Series(~below))
        x = {name: above[name].to_numpy() for name in ("params", "tokens")}
        errors = np.log(made.predict(x) / above["loss"].to_numpy())
        part = part.sort("row")
        assert part["log_error"].to_numpy() == pytest.approx(errors, abs=1e-7)
        assert part["decades"].to_numpy() == pytest.approx(np.log10(flops[~below] / origin))
        assert part["fitted"][0] == below.sum()


def test_what_is_predicted_does_not_enter_the_fit(runs: pl.DataFrame) -> None:
    flops = compute(runs)
    origin = rolling.origins(flops)[1]
    late = pl.Series(flops >= origin)
    other = runs.with_columns(loss=pl.when(late).then(pl.col("loss") * 2).otherwise("loss"))
    one, two = (
        rolling.rolling_origin(prepare(table, "chinchilla"), flops, [origin])
        for table in (runs, other)
    )
    assert (one["log_error"] - two["log_error"]).to_numpy() == pytest.approx(np.log(2), abs=1e-8)


def test_errors_grow_with_distance(runs: pl.DataFrame) -> None:
    seen = rolling.by_horizon(rolling.rolling_origin(prepare(runs, "chinchilla"), compute(runs)))
    assert seen.columns == ["from", "to", "origins", "rows", "bias", "rmse"]
    assert seen["rmse"].is_sorted()
    assert seen["rows"].sum() == sum((240 * part // 100) for part in (50, 40, 30, 20, 10))


def test_group_errors_equal_brute_force(runs: pl.DataFrame) -> None:
    table = runs.with_columns(band=pl.col("params").log(10.0).round(0).cast(pl.String))
    problem = prepare(table, "chinchilla")
    seen, notes = rolling.errors_by_group(table, [problem], "band")
    assert notes == []
    for line in seen.iter_rows(named=True):
        rest = table.filter(pl.col("band") != line["group"])
        own = table.filter(pl.col("band") == line["group"])
        made = scaling.fit(rest, "chinchilla", resamples=0)
        x = {name: own[name].to_numpy() for name in ("params", "tokens")}
        errors = np.log(made.predict(x) / own["loss"].to_numpy())
        assert line["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-6)
        assert line["rows"] == own.height


def test_too_few_runs_for_an_origin() -> None:
    table = simulated(8)
    with pytest.raises(InputError, match="no origin leaves enough"):
        rolling.rolling_origin(prepare(table, "chinchilla"), compute(table))
    seen, notes = rolling.errors_by_horizon(table, [prepare(table, "chinchilla")])
    assert seen.is_empty() and "no origin leaves enough" in notes[0]


# --- sensitivity ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def panel(all_runs: pl.DataFrame) -> pl.DataFrame:
    target = pl.DataFrame({"name": ["big"], "params": [7e10], "tokens": [1.4e12]})
    return sensitivity.panel(all_runs, "chinchilla", rules=[OUTLIERS], targets=target)


# Figures of an independent implementation, and of sequential linear programming for the L1 limit
# (25 starts end at E 1.816864, alpha .347813, beta .365854).
KNOWN: list[tuple[str, float | None, bool, dict[str, float]]] = [
    ("log", 1e-5, True, {"E": 1.8169, "alpha": 0.3478, "beta": 0.3659, "tokens_per_param": 18.3}),
    ("log", 1e-3, True, {"alpha": 0.3473, "beta": 0.3672, "tokens_per_param": 17.9}),
    ("log", 0.1, True, {"E": 1.865, "beta": 0.406, "tokens_per_param": 14.27}),
    ("log", None, True, {"E": 1.865, "beta": 0.406, "tokens_per_param": 14.27}),
    ("raw", None, True, {"E": 1.883, "beta": 0.428}),
    ("log", 1e-3, False, {"E": 1.891, "beta": 0.453, "tokens_per_param": 6.8}),
]


@pytest.mark.parametrize(("space", "delta", "excluded", "known"), KNOWN)
def test_known_figures(
    panel: pl.DataFrame, space: str, delta: float | None, excluded: bool, known: dict[str, float]
) -> None:
    kind = pl.col("delta").is_null() if delta is None else pl.col("delta") == delta
    rule = "" if excluded else OUTLIERS.where
    found = panel.filter(pl.col("space") == space, kind, pl.col("lifted") == rule)
    assert found.height == 1
    assert found["rows"][0] == (240 if excluded else 245)
    for name, value in known.items():
        tolerance = 0.05 if name == "tokens_per_param" else 5e-4
        assert found[name][0] == pytest.approx(value, abs=tolerance), name


def test_small_delta_is_least_absolute_deviations(panel: pl.DataFrame, runs: pl.DataFrame) -> None:
    # A sum of |r| of 1.1294946536 is the least (sequential linear programming, 25 starts).
    aim = Objective(delta=1e-5)
    made = scaling.fit(runs, "chinchilla", objective=aim, resamples=0)
    assert np.abs(made.residuals).sum() == pytest.approx(1.1294946536, rel=1e-5)
    # In this limit the printed set of Besiroglu et al. (table 1) is the optimum: their likelihood
    # has Huber's corner at 1e-3 of its fitted scale, far below every residual.
    limit = scaling.fit(runs, "chinchilla", objective=Objective(delta=1e-7), resamples=0).values
    assert limit["A"] == pytest.approx(482.01, abs=0.05)
    assert limit["B"] == pytest.approx(2085.43, abs=0.5)
    # At alpha .308, which was reported for this delta, the objective is 2.8 % higher.
    held = scaling.fit(runs, "chinchilla", objective=aim, fixed={"alpha": 0.308}, resamples=0)
    assert held.objective > 1.027 * made.objective


def test_panel_is_whole(panel: pl.DataFrame) -> None:
    assert panel.height == 24
    assert (panel["prediction_big"] > 1.9).all()
    assert panel["cluster"].unique().to_list() == ["row"]
    assert panel["se_row_alpha"].equals(panel["se_cluster_alpha"].alias("se_row_alpha"))
    line = panel.row(0, named=True)
    params, tokens = compute_optimal(chinchilla.LAW, line, sensitivity.BUDGET)
    assert line["tokens_per_param"] == pytest.approx(float(tokens / params))


def test_clusters_beside_rows_and_other_laws(runs: pl.DataFrame) -> None:
    table = runs.with_columns(band=pl.col("params").log().round(0))
    aims = [Objective(), RAW_SQUARES]
    seen = sensitivity.panel(table, "power_law", cluster="band", objectives=aims)
    assert seen["cluster"].to_list() == ["band", "band"]
    assert (seen["se_cluster_alpha"] != seen["se_row_alpha"]).all()
    assert seen["tokens_per_param"].null_count() == 2


def test_two_rules_are_lifted_apart_and_together() -> None:
    table = simulated(40)
    rules = [Exclusion("params < 1e8"), Exclusion("tokens < 2e9")]
    seen = sensitivity.panel(table, "chinchilla", rules=rules, objectives=[SQUARES])
    assert seen["lifted"].to_list() == ["", rules[0].where, rules[1].where, "every rule"]
    assert seen["rows"][0] < min(seen["rows"][1], seen["rows"][2])
    assert seen["rows"][3] == 40


def test_a_lifted_rule_is_fitted_without_it(all_runs: pl.DataFrame) -> None:
    lifted = lift(all_runs, [OUTLIERS], OUTLIERS, "chinchilla")
    assert lifted.fit.rows == 245
    said = lifted.to_dict()
    assert said["rule"] == OUTLIERS.where and said["reason"] == "the 5 highest losses"
    assert said["parameters"]["beta"] == pytest.approx(0.453, abs=5e-4)
    bad = Exclusion("flags LIKE")
    with pytest.raises(InputError, match="exclusion cannot be read"):
        lift(all_runs, [bad, OUTLIERS], OUTLIERS, "chinchilla")


def test_the_study_reports_both(all_runs: pl.DataFrame) -> None:
    rule = {"where": OUTLIERS.where, "reason": "why"}
    study: dict[str, Any] = {"metric": "loss@massivetext", "laws": ["chinchilla", "power_law"]}
    rows = all_runs.rename({"loss": "value"})
    silent = fit._without_exclusions(rows, study | {"exclude": [rule]}, Objective())
    assert list(silent) == []
    both = study | {"exclude": [rule | {"compare": True}]}
    told = list(fit._without_exclusions(rows, both, Objective()))
    assert [one.law for one in told] == ["chinchilla", "power_law"]
    assert told[0].rows == 245 and told[0].reason == "why"


def test_outcomes_stay_visible() -> None:
    made = compare.compare([fitted(simulated(9), "chinchilla")])
    assert made["outcome"][0] in set(Outcome)
