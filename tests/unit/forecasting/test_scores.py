"""Scores of forecasts equal those of the library scoringrules, digit by digit."""

from __future__ import annotations

import numpy as np
import pytest
import scoringrules

from scaling.forecasting.scores import student_scores, weighted_interval_score


@pytest.mark.parametrize("rows", [1, 2, 7, 100, 1001])
def test_scores_are_those_of_the_library(rows: int) -> None:
    rng = np.random.default_rng(rows)
    y, scale = rng.normal(size=rows), rng.uniform(0.1, 2.0, rows)
    m = y + 3.0 * rng.normal(size=rows)
    crps, log_density = student_scores(y, m, scale, 4.0)
    assert np.array_equal(crps, scoringrules.crps_t(y, 4.0, m, scale))
    assert np.array_equal(log_density, -np.asarray(scoringrules.logs_t(y, 4.0, m, scale)))
    levels = np.array([0.5, 0.8, 0.9, 0.95])
    lower, upper = (m[:, None] + sign * scale[:, None] * levels * 2 for sign in (-1, 1))
    alpha = 1.0 - levels
    theirs = scoringrules.weighted_interval_score(y, m, lower, upper, alpha)
    assert np.array_equal(weighted_interval_score(y, m, lower, upper, alpha), theirs)
