"""The network of a curve's forecast: what it reads, what it says, how it was trained."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from scipy.special import stdtr

from scaling.forecasting import curves, network, network_features
from tools.network import train
from tools.network.simulate import simulate

# Training uses [seed, step] with small numbers of steps: no curve of these was seen.
UNSEEN = [7, 1 << 30]


def law(points: int = 40) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(-6.0, 0.0, points)
    return t, np.log(1.8 + 0.9 * np.exp(-0.3 * t))


def test_a_power_law_with_a_floor_is_continued() -> None:
    t, y = law()
    distance = np.array([0.2, 0.7, 2.0])
    made = network.network_forecast(t, y, distance)
    truth = np.log(1.8 + 0.9 * np.exp(-0.3 * distance))
    assert made.value == pytest.approx(truth, abs=0.01)
    assert (np.diff(made.scale) > 0).all()
    assert (made.weight_in_range == 1.0).all()


def test_the_weights_are_those_of_the_training() -> None:
    expected = {name: value.shape for name, value in train.first(0).items()}
    assert {name: value.shape for name, value in network.load().items()} == expected
    assert all(np.isfinite(value).all() for value in network.load().values())


def test_it_is_heard_where_it_was_trained() -> None:
    t, y = law()
    distance = np.array([-1.0, 0.0, 0.01, 1.0, 12.0, 15.0, 18.0, 30.0])
    assert network.network_forecast(t, y, distance).weight_in_range == pytest.approx(
        [0, 0, 0.5, 1, 1, 0.5, 0, 0]
    )
    assert not network.network_forecast(t[-3:], y[-3:], distance).weight_in_range.any()
    assert not network.network_forecast(
        np.zeros(5), np.zeros(5), distance[4:]
    ).weight_in_range.any()


def test_targets_do_not_matter_to_one_another_however_many() -> None:
    t, y = law()
    distance = np.geomspace(0.02, 5.0, network.AT_ONCE + 3)
    made = network.network_forecast(t, y, distance)
    for j in (0, 100, network.AT_ONCE, network.AT_ONCE + 2):
        shapes_only = network.network_forecast(t, y, distance[[j]])
        assert made.value[j] == pytest.approx(shapes_only.value[0], abs=1e-9)


def test_a_level_has_no_effect_on_steps() -> None:
    t, y = law()
    distance = np.array([0.5, 1.5])
    made, moved = (network.network_forecast(t, y + add, distance) for add in (0.0, 3.0))
    assert moved.value - 3.0 == pytest.approx(made.value, abs=1e-9)
    assert moved.scale == pytest.approx(made.scale, abs=1e-9)


def test_missing_points_are_not_read() -> None:
    made = simulate(UNSEEN, 8)
    for row in range(8):
        there = made.curves.there[row]
        short = network_features.Curves(
            made.curves.t[[row]][:, there],
            made.curves.y[[row]][:, there],
            np.ones((1, there.sum()), bool),
        )
        padded = network_features.Curves(
            *(part[[row]] for part in (made.curves.t, made.curves.y, made.curves.there))
        )
        h = made.h[[row]].astype(np.float32)
        both = [network_features.read(one, h).inputs for one in (short, padded)]
        assert both[0].shape == (1, 4, network_features.WIDE)
        assert both[0] == pytest.approx(both[1], abs=5e-3)


def test_intervals_hold_on_curves_that_it_was_not_trained_on() -> None:
    made = simulate(UNSEEN, 400)
    ranks, errors, carried = [], [], []
    for row in range(400):
        there = made.curves.there[row]
        t, y = (part[row][there].astype(float) for part in (made.curves.t, made.curves.y))
        told = network.network_forecast(t, y, made.h[row].astype(float))
        ranks.append(stdtr(network.DEGREES, (made.truth[row] - told.value) / told.scale))
        errors.append(np.abs(told.value - made.truth[row]))
        carried.append(np.abs(y[-1] - made.truth[row]))
    inside = np.mean(np.abs(np.array(ranks) - 0.5) <= 0.45)
    assert 0.86 <= inside <= 0.94
    assert np.median(errors) < 0.4 * np.median(carried)


def test_slopes_of_training_are_those_of_finite_differences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(train, "TYPE", np.float64)
    random = np.random.default_rng(3)
    weights = {
        name: value.astype(np.float64) + random.normal(0.0, 0.02, value.shape)
        for name, value in train.first(0).items()
    }
    inputs, steps, z = (part[:40].astype(np.float64) for part in train.batch(UNSEEN))
    slopes = train.loss_and_slopes(weights, inputs, steps, z)[1]
    for name, value in weights.items():
        place = tuple(random.integers(size) for size in value.shape)
        kept, found = value[place], []
        for step in (1e-5, -1e-5):
            value[place] = kept + step
            found.append(train.loss_and_slopes(weights, inputs, steps, z)[0])
        value[place] = kept
        assert slopes[name][place] == pytest.approx(
            (found[0] - found[1]) / 2e-5, rel=1e-3, abs=1e-7
        )


def test_training_learns_and_is_the_same_twice() -> None:
    losses = [[loss for _, loss, _ in islice(train.train(400, 1), 25)] for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize(("points", "most"), [(6, 0.96), (40, 0.75)])
def test_it_has_more_say_where_shapes_have_little_to_be_fitted_to(points: int, most: float) -> None:
    t, y = law(points)
    made = curves.extrapolate(np.exp(t), np.exp(y), np.array([2.0, 3.0]))
    assert made.share == pytest.approx(
        most / (1.0 + (made.network_gap / _alone(t, y)) ** 2), abs=0.01
    )


def _alone(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spread of the shapes alone at twice and three times x."""
    fitted = curves.fit_shapes(np.exp(t), np.exp(y), np.array([2.0, 3.0]))
    return curves.spread(curves.combine(fitted, curves.Constants(network_share=0.0)))[0]
