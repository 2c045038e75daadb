"""Forecasts by many shapes: curves, two inputs, backtests."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import scaling
from benchmarks.forecast import needed, simulated
from scaling.errors import InputError
from scaling.forecasting import curve_model, curves, two_inputs
from scaling.forecasting.backtest import backtest
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.inputs import usual_inputs
from scaling.forecasting.scores import CARRY, ENSEMBLE, TAIL, summary


def power_law(rows: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.geomspace(1e18, 1e21, rows)
    return x, (1.8 + 40.0 * (x / 1e16) ** -0.3) * np.exp(rng.normal(0, noise, rows))


def runs(seed: int = 0, noise: float = 0.003) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    n, d = (
        one.ravel() for one in np.meshgrid(np.geomspace(5e7, 3e9, 7), np.geomspace(1e9, 1e11, 6))
    )
    loss = 1.7 + 480.0 * n**-0.35 + 2100.0 * d**-0.37
    return pl.DataFrame(
        {"params": n, "tokens": d, "loss": loss * np.exp(rng.normal(0, noise, n.size))}
    )


@pytest.mark.parametrize("breaks", [0, 1, 2])
def test_slopes_of_a_curve_are_exact(breaks: int) -> None:
    rng = np.random.default_rng(breaks)
    theta = rng.normal(0, 0.7, (3, curve_model.columns(breaks)))
    t, low = np.linspace(-4, 1, 9), -0.5
    _, slopes = curve_model.predict(theta, t, low)
    for j in range(theta.shape[1]):
        step = np.zeros(theta.shape[1])
        step[j] = 1e-6
        up, down = (curve_model.predict(theta + sign * step, t, low)[0] for sign in (1, -1))
        assert slopes[:, :, j] == pytest.approx((up - down) / 2e-6, abs=1e-7)


def test_slopes_of_the_coupled_law_are_exact() -> None:
    size = 6
    rng = np.random.default_rng(size)
    theta, x = rng.normal(-1, 0.5, (3, size)), rng.uniform(-4, 1, (8, 2))
    _, slopes = two_inputs.predict_with_slopes(theta, x, 0.4)
    for j in range(size):
        step = np.zeros(size)
        step[j] = 1e-6
        up, down = (two_inputs.predict(theta + sign * step, x, 0.4) for sign in (1, -1))
        assert slopes[:, :, j] == pytest.approx((up - down) / 2e-6, abs=1e-7)


def test_a_power_law_is_continued() -> None:
    x, y = power_law(30, 0.002)
    at = np.array([1e22])
    made = curves.extrapolate(x, y, at)
    assert made.location[0] == pytest.approx(np.log(1.8 + 40.0 * 1e6**-0.3), abs=0.01)


@pytest.mark.parametrize(
    ("exponent", "noise", "near", "far"),
    [
        (0.02, 0.02, (0.0, 0.3), (0.3, 0.7)),
        (0.02, 0.0002, (0.9, 1.05), (0.9, 1.05)),
        (0.2, 0.02, (0.9, 1.05), (0.9, 1.05)),
    ],
)
def test_only_slow_and_noisy_curves_are_taken_to_stop(
    exponent: float, noise: float, near: tuple[float, float], far: tuple[float, float]
) -> None:
    x = np.geomspace(1.0, 100.0, 20)
    scatter = np.random.default_rng(2).normal(0, noise, len(x))
    made = curves.extrapolate(x, 3.0 * x**-exponent * np.exp(scatter), np.array([200.0, 1000.0]))
    kept = (made.location - made.level) / made.step
    for share, (least, most) in zip(kept, (near, far), strict=True):
        assert least <= share <= most


def test_an_outlier_moves_a_forecast_little() -> None:
    x, y = power_law(40, 0.002)
    at = np.array([4e21])
    clean = curves.extrapolate(x, y, at).location
    y[20] *= 3.0
    assert curves.extrapolate(x, y, at).location == pytest.approx(clean, abs=0.005)


@settings(max_examples=8)
@given(
    st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=12),
    st.integers(0, 2**31),
)
def test_any_curve_gets_finite_ordered_quantiles(values: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(1, 1e12, len(values)))
    frame = pl.DataFrame({"x": x, "loss": values})
    assume(np.ptp(values) > 1e-9 * max(values))  # equal targets are refused
    made = scaling.forecast(frame, pl.DataFrame({"x": [x.max() * 2]}), inputs=("x",))
    found = made["value"].to_numpy()
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()


def test_order_and_unit_of_the_runs_do_not_matter() -> None:
    x, y = power_law(15, 0.004)
    at = np.array([1e22])
    made = curves.extrapolate(x, y, at)
    turned = curves.extrapolate(x[::-1] * 1e-9, y[::-1], at * 1e-9)
    assert turned.location == pytest.approx(made.location, abs=1e-6)


def test_two_inputs_are_continued_and_intervals_hold() -> None:
    far = pl.DataFrame({"params": [7e10, 1.3e10], "tokens": [1.4e12, 2.6e11]})
    truth = 1.7 + 480.0 * far["params"] ** -0.35 + 2100.0 * far["tokens"] ** -0.37
    inside = 0
    for seed in range(10):
        made = scaling.forecast(runs(seed), far, quantiles=[0.05, 0.5, 0.95])
        low, middle, high = (
            made.filter(pl.col("quantile") == q)["value"] for q in (0.05, 0.5, 0.95)
        )
        assert (middle / truth).to_numpy() == pytest.approx(1.0, abs=0.03)
        inside += int(((low <= truth) & (truth <= high)).sum())
    assert inside >= 17


def test_a_rising_share_stays_below_one() -> None:
    x = np.geomspace(1e18, 1e22, 12)
    frame = pl.DataFrame({"flops": x, "accuracy": 1.0 - 0.7 * (x / 1e18) ** -0.1})
    at = pl.DataFrame({"flops": [1e24]})
    made = scaling.forecast(frame, at, inputs=("flops",), target="accuracy")
    assert made["value"].is_sorted()
    assert made["value"].is_between(0.0, 1.0).all()


def test_too_little_to_go_on_is_refused() -> None:
    two = pl.DataFrame({"x": [1.0, 2.0], "loss": [3.0, 2.0]})
    with pytest.raises(InputError, match="3 or more distinct values"):
        scaling.forecast(two, pl.DataFrame({"x": [4.0]}), inputs=("x",))
    with pytest.raises(InputError, match="4 or more"):
        scaling.forecast(runs().head(3), pl.DataFrame({"params": [1e9], "tokens": [1e10]}))


def test_a_target_has_no_effect_on_the_others() -> None:
    x, y = power_law(15, 0.004)
    at = np.array([2e21, 1e22, 1e24])
    alone = [curves.extrapolate(x, y, at[[j]]).location[0] for j in range(3)]
    assert curves.extrapolate(x, y, at).location == pytest.approx(alone, abs=1e-12)


def test_many_runs_are_merged_and_their_scatter_kept() -> None:
    x, y = power_law(3000, 0.02)
    made = curves.extrapolate(x, y, np.array([1e22]))
    assert made.noise == pytest.approx(0.02, rel=0.2)
    assert made.location[0] == pytest.approx(np.log(1.8 + 40.0 * 1e6**-0.3), abs=0.02)
    frame = pl.concat([runs(seed, 0.02) for seed in range(20)])
    far = np.array([[7e10, 1.4e12]])
    x, y = frame.select("params", "tokens").to_numpy(), frame["loss"].to_numpy()
    law = two_inputs.coupled_model(x, y)
    assert law.noise == pytest.approx(0.02, rel=0.2)
    truth = 1.7 + 480.0 * 7e10**-0.35 + 2100.0 * 1.4e12**-0.37
    assert law.location(np.log(far))[0] == pytest.approx(np.log(truth), abs=0.02)


def test_repeated_data_ask_for_the_unique_tokens() -> None:
    frame = runs().with_columns(tokens_unique=pl.col("tokens"))
    assert usual_inputs(frame, frame) == ("params", "tokens")
    repeated = frame.with_columns(tokens_unique=pl.col("tokens") / 4)
    assert usual_inputs(frame, repeated) == ("params", "tokens", "tokens_unique")
    assert usual_inputs(frame.drop("tokens_unique"), repeated) == ("params", "tokens")


def test_backtest_scores_are_those_of_the_definitions() -> None:
    table = backtest(runs(), shares=(0.6,))
    assert set(table["method"]) == {ENSEMBLE, "chinchilla", "kaplan_joint", CARRY, TAIL}
    row = table.filter(pl.col("method") == CARRY).row(0, named=True)
    assert row["crps"] == pytest.approx(abs(row["log_error"]))
    made = Predictive(np.array([0.7]), np.array([0.02]), 3.0)
    law, y = stats.t(3.0, 0.7, 0.02), 0.74

    def square(z: float) -> float:
        return float((law.cdf(z) - (z >= y)) ** 2)

    crps = sum(integrate.quad(square, *ends, limit=200)[0] for ends in ((-1, y), (y, 3)))
    from scaling.forecasting.scores import _scores

    scores = _scores(made, np.exp(np.array([y])))
    assert scores["crps"][0] == pytest.approx(crps, rel=1e-3)
    assert scores["log_score"][0] == pytest.approx(law.logpdf(y))
    assert scores["pit"][0] == pytest.approx(law.cdf(y))
    alphas = np.array([0.5, 0.2, 0.1, 0.05])
    low, high = law.ppf(alphas / 2), law.ppf(1 - alphas / 2)
    interval = high - low + 2 / alphas * (np.maximum(low - y, 0) + np.maximum(y - high, 0))
    wis = (0.5 * abs(y - 0.7) + (alphas / 2 * interval).sum()) / 4.5
    assert scores["wis"][0] == pytest.approx(wis)


def test_no_forecast_run_enters_its_forecast() -> None:
    frame = runs()
    table = backtest(frame, shares=(0.5,))
    hidden = set(table["row"])
    broken = frame.with_row_index("i").with_columns(
        loss=pl.when(pl.col("i").is_in(list(hidden))).then(pl.col("loss") * 2).otherwise("loss")
    )
    again = backtest(broken, shares=(0.5,))
    moved = again["log_error"] - table["log_error"]
    assert moved.to_numpy() == pytest.approx(-np.log(2.0), abs=1e-9)


def test_summary_tells_skill() -> None:
    means = summary(backtest(runs()))
    whole = means.filter(pl.col("low").is_null(), pl.col("method") == ENSEMBLE).row(0, named=True)
    assert whole["skill"] > 0.5
    assert whole["forecasts"] == sum(
        row["forecasts"]
        for row in means.filter(
            pl.col("method") == ENSEMBLE, pl.col("low").is_not_null()
        ).to_dicts()
    )


def test_parts_of_the_spread_count_as_they_are() -> None:
    one = np.ones(1)
    made = curves.Extrapolation(
        location=0.0 * one,
        step=-0.5 * one,
        disagreement=0.02 * one,
        noise=0.01,
        recent=4.0,
        level=0.0,
        acceleration=0.04 * one,
        share=0.6 * one,
        network_scale=0.03 * one,
        network_gap=0.05 * one,
    )
    by_shapes = 0.02**2 + (0.3 * 0.5) ** 2 + (0.01 / 2.0) ** 2 + 0.04**2
    by_network = (0.68 * 0.03) ** 2 + 0.4 * 0.05**2
    expected = np.sqrt((0.85 * 0.01) ** 2 + 0.4 * by_shapes + 0.6 * by_network)
    assert curves.spread(made)[0] == pytest.approx(expected, rel=1e-12)
    assert curves.features(made).shape == (1, len(curves.SCALE_WEIGHTS))


def test_at_neutral_values_the_shapes_alone_say_how_far_a_curve_goes() -> None:
    x, y = power_law(14, 0.01)
    fitted = curves.fit_shapes(x, y, np.array([3e21, 1e22]))
    neutral = {name: value for name, (_, value) in needed.NEUTRAL.items()}
    made = curves.combine(fitted, curves.Constants(**neutral))
    evidence = np.array([one.optima.evidence for one in fitted.shapes])
    weight = np.exp(evidence - evidence.max()) * [one.odds for one in fitted.shapes]
    assert made.location == pytest.approx(weight @ fitted.values / weight.sum(), rel=1e-12)
    assert len(needed.NEUTRAL) + len(needed.WEIGHTS) == 16


def test_curves_of_other_shapes_fall_and_are_the_same_of_the_same_seed() -> None:
    first, again = (list(simulated.other_shapes(1, 2)) for _ in range(2))
    assert len(first) == 10
    for one, other in zip(first, again, strict=True):
        assert one.runs.equals(other.runs)
        assert one.at.equals(other.at)
        assert one.runs["value"].min() > 0
        assert one.at["value"][-1] < one.runs["value"][0]
