"""Forecasts of curves of small models, on some of which no constant was chosen."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.blind.designs import BATCHES, designs
from benchmarks.blind.score import curves
from scaling.forecasting.scheduled import forecast_end


@pytest.mark.parametrize("batch", BATCHES)
def test_every_run_of_a_batch_has_its_curve(batch: int) -> None:
    found = list(curves(batch))
    assert len(found) == sum(len(list(designs(one))) for one in BATCHES[batch])
    for one in found:
        assert np.all(np.diff(one.x) > 0) and np.all(one.y > 0)
        assert one.schedule.x[-1] == pytest.approx(one.x[-1], rel=0.03)


@pytest.mark.parametrize("batch", BATCHES)
def test_intervals_hold_from_half_of_a_run(batch: int) -> None:
    inside = []
    for one in [one for one in curves(batch) if one.name != "constant"][::9]:
        x, y, at, truth = one.split(0.5)
        made = forecast_end(x, y, at, one.schedule)
        inside.append(np.abs(made.rank(np.exp(truth)) - 0.5) <= 0.45)
    assert 0.8 <= np.mean([part.mean() for part in inside]) <= 1.0
