"""The learning rate of a run under way: logged, planned, or not known."""

from __future__ import annotations

import numpy as np
import pytest

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.watching import schedule
from scaling.watching.series import Series

AT = np.arange(1.0, 101.0)


def series(lr: Array) -> Series:
    return Series("r", "loss", False, "steps", AT, 2.0 + 1.0 / AT, AT * np.nan, lr, 200.0)


def test_without_a_rate_it_is_said_what_the_forecast_takes() -> None:
    found, notes = schedule.schedule_of(series(AT * np.nan), None)
    assert found is None
    assert "No learning rate is logged" in notes[0]


def test_a_logged_rate_goes_on_as_it_has_and_says_so() -> None:
    found, notes = schedule.schedule_of(series(1e-3 * (1.0 - AT / 200.0)), None)
    assert found is not None
    assert notes


def test_a_plan_is_taken_as_given() -> None:
    found, notes = schedule.schedule_of(series(AT * np.nan), "cosine:floor=10%")
    assert found is not None
    assert any("cosine" in one for one in notes), notes


def test_a_text_that_is_no_schedule_is_refused() -> None:
    with pytest.raises(InputError, match="allowed"):
        schedule.schedule_of(series(AT * np.nan), "cosin")
