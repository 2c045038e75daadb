"""Spikes and values that are no numbers."""

from __future__ import annotations

import numpy as np
import pytest

from scaling.arrays import Array
from scaling.watching.signs import not_finite, spikes

AT = np.arange(1.0, 1001.0)


def falling(noise: float = 0.02, seed: int = 0) -> Array:
    scatter = np.exp(noise * np.random.default_rng(seed).standard_normal(len(AT)))
    return np.asarray((1.5 + 4.0 * AT**-0.3) * scatter)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.0, 0.005, 0.05])
def test_a_falling_loss_with_noise_has_none(noise: float, seed: int) -> None:
    assert spikes(AT, falling(noise, seed)) == []


def test_a_spike_has_its_start_height_and_recovery() -> None:
    value = falling()
    value[600:620] *= np.linspace(2.0, 1.0, 20)
    (found,) = spikes(AT, value)
    assert found.start == 601.0
    assert found.peak == value[600]
    assert found.deviations > 8
    assert found.recovered is not None
    assert 605 <= found.recovered <= 625


def test_a_loss_that_stays_high_has_not_recovered() -> None:
    value = falling()
    value[600:] *= 1.5
    (found,) = spikes(AT, value)
    assert (found.start, found.recovered) == (601.0, None)


def test_two_spikes_are_two() -> None:
    value = falling()
    value[300:305] *= 2.0
    value[700:705] *= 2.0
    assert [one.start for one in spikes(AT, value)] == [301.0, 701.0]


def test_a_rise_of_a_smooth_curve_below_one_percent_is_none() -> None:
    value = falling(0.0)
    value[500] *= 1.005
    assert spikes(AT, value) == []
    value[500] *= 1.1
    assert [one.start for one in spikes(AT, value)] == [501.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(bad: float) -> None:
    value = falling()
    assert not_finite(AT, value) is None
    value[10] = bad
    found = not_finite(AT, value)
    assert found is not None
    assert (found.values, found.first, found.last) == (1, 11.0, False)
    value[-1] = bad
    found = not_finite(AT, value)
    assert found is not None
    assert found.last
    assert spikes(AT, value) == []


@pytest.mark.parametrize("length", [0, 1, 5, 11])
def test_few_values_have_none(length: int) -> None:
    assert spikes(AT[:length], falling()[:length]) == []
