"""The learning rate of a run under way in an engine whose curves read no schedule."""

from __future__ import annotations

import numpy as np
import pytest

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.watch import schedule
from scaling.watch.series import Series

AT = np.arange(1.0, 101.0)


@pytest.fixture(autouse=True)
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_module", lambda name: None)


def series(lr: Array) -> Series:
    return Series("r", "loss", False, "steps", AT, 2.0 + 1.0 / AT, AT * np.nan, lr, 200.0)


@pytest.mark.parametrize(
    ("lr", "said"),
    [
        (AT * np.nan, "no learning rate is logged"),
        (1e-3 * (1.0 - AT / 200.0), "has fallen from 0.000995 to 0.0005"),
    ],
)
def test_what_is_not_known_of_the_rate_is_said(lr: Array, said: str) -> None:
    found, notes = schedule.schedule_of(series(lr), None)
    assert found is None
    assert said in notes[0]


def test_a_constant_rate_needs_no_word() -> None:
    assert schedule.schedule_of(series(np.full(100, 1e-3)), None) == (None, [])


def test_a_schedule_that_would_not_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="read no schedule; found 'cosine'"):
        schedule.schedule_of(series(AT * np.nan), "cosine")
