"""Trends, theory regimes, emergence and inverse scaling: on made data whose answer is known."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scaling
from benchmarks.verdicts import verdicts
from scaling.analysis.emergence import Verdict, emergence
from scaling.analysis.inverse import Trend, inverse
from scaling.analysis.regimes import Regime, classify, exponent
from scaling.analysis.trends import growth, running_best
from scaling.errors import InputError


def test_growth_is_exact_without_noise() -> None:
    days = [dt.date(2015, 1, 1) + dt.timedelta(days=100 * i) for i in range(20)]
    t = np.array([(day - days[0]).days for day in days]) / 365.25
    found = growth(days, 3.0 * 4.0**t)
    assert found.per_year == pytest.approx(4.0, rel=1e-12)
    assert found.doubling_days == pytest.approx(365.25 / 2.0)
    assert found.low == pytest.approx(4.0, rel=1e-6) and found.r2 == pytest.approx(1.0)


@given(st.floats(0.3, 8.0), st.integers(0, 10_000))
@settings(max_examples=30)
def test_growth_does_not_ask_for_units(rate: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = rng.uniform(2012.0, 2026.0, 30)
    y = rate ** (t - 2018.0) * np.exp(rng.standard_normal(30))
    one, other = growth(t, y), growth(list(t), 1e20 * y)
    assert one.per_year == pytest.approx(other.per_year, rel=1e-9)
    assert one.low <= one.per_year <= one.high


def test_growth_intervals_cover() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        t = rng.uniform(2010.0, 2025.0, 40)
        noise = (0.3 + 0.15 * (t - 2010.0)) * rng.standard_normal(40)
        found = growth(t, np.exp(1.2 * (t - 2018.0) + noise))
        hits += found.low <= np.exp(1.2) <= found.high
    assert 0.84 < hits / 300 < 0.96


def test_growth_forecasts_levels_and_dates() -> None:
    rng = np.random.default_rng(1)
    t = np.linspace(2012.0, 2025.0, 60)
    found = growth(t, 10.0 ** (t - 2020.0) * np.exp(0.2 * rng.standard_normal(60)))
    low, middle, high = found.at([2026.0])[:, 0]
    assert low < middle < high and middle == pytest.approx(1e6, rel=0.3)
    line = found.at([2026.0], new=False)[:, 0]
    assert line[2] - line[0] < high - low
    reached = found.reaches(1e6)
    assert np.median(reached) == pytest.approx(2026.0, abs=0.1)
    falling = growth(t, 0.5 ** (t - 2020.0) * np.exp(0.2 * rng.standard_normal(60)))
    assert np.isinf(falling.reaches(1e9)).all() and falling.doubling_days < 0


def test_growth_without_direction_has_open_doubling() -> None:
    rng = np.random.default_rng(3)
    found = growth(np.linspace(2020.0, 2025.0, 30), np.exp(rng.standard_normal(30)))
    assert found.low < 1.0 < found.high and np.isinf(found.doubling_high)


@pytest.mark.parametrize(
    ("dates", "values", "message"),
    [
        (["2020-01-01"] * 5, [1.0] * 5, "one date only"),
        (["2020-01-01", "2021-01-01"], [1.0, 2.0], "too few rows"),
        (["2020-01-01", "nonsense", "2021-01-01", "2022-01-01"], [1.0] * 4, "row 2.*not a date"),
        ([2020.0, 2021.0, 2022.0, 2023.0], [1.0, -1.0, 2.0, 3.0], "row 2.*not a positive"),
    ],
)
def test_growth_refuses(dates: list[object], values: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        growth(dates, values)  # type: ignore[arg-type]


def test_running_best_is_the_state_of_the_art() -> None:
    best = running_best([2020.0, 2021.0, 2022.0, 2023.0], [1.0, 3.0, 2.0, 3.0])
    assert best.tolist() == [True, True, False, True]
    assert running_best([2020.0, 2021.0, 2022.0], [3.0, 1.0, 2.0], top=2).tolist() == [True] * 3


@pytest.mark.parametrize(
    ("found", "dimension", "regime"),
    [
        ((1.0, 0.9, 1.1), None, Regime.EITHER),
        ((1.3, 1.2, 1.5), None, Regime.NEITHER),
        ((0.34, 0.30, 0.38), None, Regime.RESOLUTION_LIMITED),
        ((0.34, 0.30, 0.38), (10.0, 13.0), Regime.RESOLUTION_LIMITED),
        ((0.34, 0.30, 0.38), (40.0, 60.0), Regime.NEITHER),
        ((1.0, 0.9, 1.1), (40.0, 60.0), Regime.VARIANCE_LIMITED),
    ],
)
def test_regimes(found: tuple[float, ...], dimension: object, regime: Regime) -> None:
    made = classify(*found, dimension=dimension)  # type: ignore[arg-type]
    assert made.regime is regime and made.sentence
    assert made.dimension == pytest.approx(4.0 / found[0])


def test_regime_of_a_fit() -> None:
    rng = np.random.default_rng(2)
    x = np.geomspace(1e6, 1e10, 40)
    y = (1.5 + 300.0 * x**-0.4) * np.exp(0.002 * rng.standard_normal(40))
    made = scaling.fit(pl.DataFrame({"x": x, "loss": y}), "power_law", resamples=200)
    found = exponent(made, "alpha")
    assert found.regime is Regime.RESOLUTION_LIMITED and found.low < 0.4 < found.high
    with pytest.raises(InputError, match="no such parameter"):
        exponent(made, "gamma")
    with pytest.raises(InputError, match="draws"):
        exponent(scaling.fit(pl.DataFrame({"x": x, "loss": y}), "power_law", resamples=0), "alpha")


@pytest.mark.parametrize(
    ("shape", "trend"),
    [
        (lambda z: 0.3 + 0.05 * z, Trend.IMPROVES),
        (lambda z: 0.8 - 0.05 * z, Trend.INVERSE),
        (lambda z: 0.3 + 0.02 * (z - 4.0) ** 2, Trend.U_SHAPED),
        (lambda z: 0.8 - 0.02 * (z - 4.0) ** 2, Trend.INVERTED_U),
        (lambda z: 0.5 + 0.0 * z, Trend.UNDECIDED),
    ],
)
def test_inverse_scaling(shape: object, trend: Trend) -> None:
    rng = np.random.default_rng(4)
    x = np.geomspace(1e8, 1e8 * np.e**8, 12)
    y = shape(np.log(x / 1e8)) + 0.01 * rng.standard_normal(12)  # type: ignore[operator]
    found = inverse(x, y)
    assert found.trend is trend and found.sentence
    if trend in (Trend.U_SHAPED, Trend.INVERTED_U):
        assert np.log(found.turn / 1e8) == pytest.approx(4.0, abs=0.5)
    mirror = inverse(x, -y, higher_is_better=False)
    assert mirror.trend is trend and mirror.falls == found.falls


def test_four_noisy_sizes_prove_nothing() -> None:
    rng = np.random.default_rng(0)
    x = np.geomspace(1e8, 1e11, 4)
    found = [inverse(x, 0.5 + 0.05 * rng.standard_normal(4)).trend for _ in range(200)]
    assert 0.84 < sum(one is Trend.UNDECIDED for one in found) / 200 < 0.96
    with pytest.raises(InputError, match="too few sizes"):
        inverse(x[:3], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("shape", "right", "wrong"),
    [
        ("smooth", Verdict.SMOOTH, Verdict.BREAK),
        ("broken", Verdict.BREAK, Verdict.SMOOTH),
        ("flat", Verdict.UNDECIDED, Verdict.BREAK),
    ],
)
def test_emergence_tells_smooth_from_broken(shape: str, right: Verdict, wrong: Verdict) -> None:
    found = verdicts(shape, 3)
    assert found.count(right) >= 2 and wrong not in found


def test_emergence_refuses_what_is_no_score() -> None:
    x = np.geomspace(1e18, 1e24, 20)
    with pytest.raises(InputError, match="score from 0 to 1"):
        emergence(x, np.full(20, 30.0))
    with pytest.raises(InputError, match="too few scales"):
        emergence(x[:3], [0.1, 0.2, 0.3])
