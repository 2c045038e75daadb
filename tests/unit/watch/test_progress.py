"""Forecasts of the end of a run under way, from curves whose end is known."""

from __future__ import annotations

import numpy as np
import pytest

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.forecasting.curves import extrapolate, spread
from scaling.forecasting.distribution import Predictive
from scaling.watching.progress import LEVELS, TooShort, progress
from scaling.watching.score import observed, score
from scaling.watching.series import Series, curve, window_of

STEPS = 2000


def series(value: Array, *, evaluation: bool = False, planned: float = STEPS) -> Series:
    """A run with one value a step."""
    at = np.arange(1.0, len(value) + 1)
    unknown = np.full(len(at), np.nan)
    return Series("r", "loss", evaluation, "steps", at, value, unknown, unknown, planned)


def power(steps: int = STEPS, noise: float = 0.02) -> Array:
    at = np.arange(1.0, steps + 1)
    rng = np.random.default_rng(0)
    return np.asarray((1.5 + 4.0 * at**-0.25) * np.exp(noise * rng.standard_normal(steps)))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 0.95])
def test_the_end_of_a_power_law_lies_in_its_interval(share: float) -> None:
    whole = series(power())
    made = progress(whole.until(share * STEPS))
    end = observed(whole)
    assert end is not None
    assert made.quantiles[0.05] < end < made.quantiles[0.95]
    assert list(made.quantiles.values()) == sorted(made.quantiles.values())
    assert made.share == share
    assert made.points == 100 * share


def test_the_numbers_are_those_of_the_curve_model() -> None:
    half = series(power()).until(1000)
    made = progress(half, beat=2.1)
    points = curve(half, 20.0)
    assert points.at[0] == 10.5
    assert points.value[0] == pytest.approx(half.value[:20].mean())
    found = extrapolate(points.at, points.value, np.array([1990.0]))
    end = Predictive(found.location, *spread(found))
    assert list(made.quantiles.values()) == pytest.approx(end.quantiles(np.array(LEVELS))[:, 0])
    assert made.chance_to_beat == pytest.approx(end.rank(np.array([2.1]))[0])


@pytest.mark.parametrize("level", LEVELS)
def test_the_chance_to_beat_a_quantile_is_its_level(level: float) -> None:
    half = series(power()).until(1000)
    made = progress(half, beat=progress(half).quantiles[level])
    assert made.chance_to_beat == pytest.approx(level)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.95])
def test_a_loss_that_falls_with_every_doubling_is_no_plateau(share: float) -> None:
    assert not progress(series(power()).until(share * STEPS)).plateau


@pytest.mark.parametrize("share", [0.5, 0.75, 0.95])
def test_a_loss_that_has_stopped_is_a_plateau(share: float) -> None:
    value = power()
    value[500:] = value[500] * np.exp(0.02 * np.random.default_rng(1).standard_normal(1500))
    assert progress(series(value).until(share * STEPS)).plateau


def test_evaluations_are_taken_as_they_are() -> None:
    at = np.arange(100.0, 1001.0, 100.0)
    value, unknown = 2.0 + 3.0 * at**-0.3, np.full(10, np.nan)
    made = progress(Series("r", "eval_loss", True, "steps", at, value, unknown, unknown, 2000.0))
    assert (made.window, made.points, made.curve.end) == (0.0, 10, 2000.0)
    end = 2.0 + 3.0 * 2000.0**-0.3
    assert made.quantiles[0.05] < end < made.quantiles[0.95]


def test_windows_end_at_the_planned_end_and_count_once_they_are_complete() -> None:
    run = series(power(), planned=2000.0)
    assert window_of(run) == 20.0
    assert len(curve(run.until(39), 20.0).at) == 1
    assert len(curve(run.until(40), 20.0).at) == 2
    assert observed(run) == pytest.approx(run.value[1980:].mean())


def test_too_short_a_log_is_refused_with_what_it_has_and_needs() -> None:
    with pytest.raises(TooShort, match=r"'4 at step 99'; allowed: 5 windows of 20 steps or more"):
        progress(series(power()).until(99))


def test_a_log_of_nan_alone_says_so() -> None:
    with pytest.raises(TooShort, match=r"'0 at step 300, 300 values NaN or infinite'"):
        progress(series(np.full(300, np.nan)))


@pytest.mark.parametrize("bad", [0.0, -1.5])
def test_a_loss_that_is_not_positive_is_refused_by_its_step(bad: float) -> None:
    value = power()
    value[122] = bad
    with pytest.raises(InputError, match=rf"at step 123; found {bad}; allowed: > 0"):
        progress(series(value))


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"gain": 0.0}, "column 'gain'"),
        ({"gain": 1.0}, "column 'gain'"),
        ({"beat": -1.0}, "column 'beat'"),
        ({"beat": float("nan")}, "column 'beat'"),
        ({"smooth": 3000.0}, "0 to 2,000 steps"),
    ],
)
def test_arguments_out_of_range_are_refused(how: dict[str, float], match: str) -> None:
    with pytest.raises(InputError, match=match):
        progress(series(power()), **how)


def test_nan_is_said_and_the_finite_values_are_forecast() -> None:
    value = power()[:1000]
    clean = progress(series(value[:900]))
    value[900:] = np.nan
    made = progress(series(value))
    assert made.not_finite is not None
    assert (made.not_finite.values, made.not_finite.first, made.not_finite.last) == (100, 901, True)
    assert made.median == clean.median


def test_points_that_the_log_no_longer_has_are_put_before_it() -> None:
    half = series(power()).until(1000)
    points = curve(half, 20.0)
    later = half.until(1000)
    cut = Series(
        "r", "loss", False, "steps", later.at[400:], later.value[400:], later.wall[400:],
        later.lr[400:], 2000.0,
    )  # fmt: skip
    made = progress(cut, earlier=(points.at, points.value))
    assert made.median == progress(half).median
    assert made.points == 50


def test_a_score_holds_what_stood_beside_the_end() -> None:
    whole = series(power())
    found = score(whole, [], "2026-01-01T00:00:00+00:00", beat=2.2)
    assert found["observed"] == observed(whole)
    assert found["beaten"] == (observed(whole) <= 2.2)  # type: ignore[operator]
    for one in found["forecasts"]:
        made = progress(whole.until(one["share"] * STEPS))
        assert one["made"] == "afterwards"
        assert one["q50"] == made.median
        assert one["inside_90"] == (one["q05"] <= found["observed"] <= one["q95"])
        assert one["error"] == pytest.approx(made.median / found["observed"] - 1.0)


def test_a_run_that_ends_in_nan_has_no_end_to_score() -> None:
    value = power()
    value[-1] = np.nan
    found = score(series(value), [], "2026-01-01T00:00:00+00:00")
    assert found["observed"] is None
    assert "inside_90" not in found["forecasts"][0]
