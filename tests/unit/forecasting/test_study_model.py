"""One model of a study: the same answer wherever it is asked, and draws that are functions."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.forecasting.study_model import StudyModel, TwoInputModel, study_model
from scaling.forecasting.table_model import TableModel

INPUTS = ("params", "tokens")
LEVELS = np.array([0.05, 0.5, 0.95])


def runs(noise: float = 0.003, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    n, d = (
        one.ravel() for one in np.meshgrid(np.geomspace(3e7, 1e9, 6), np.geomspace(1e9, 4e10, 5))
    )
    loss = (1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28) * np.exp(rng.normal(0, noise, len(n)))
    return pl.DataFrame({"params": n, "tokens": d, "loss": loss})


def planned(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"params": np.geomspace(1e8, 1e12, count), "tokens": np.geomspace(1e13, 1e9, count)}
    )


@pytest.fixture(scope="module")
def model() -> StudyModel:
    return study_model(runs(), INPUTS, "loss")


def test_a_target_has_the_same_digits_alone_and_among_others(model: StudyModel) -> None:
    at = planned(13)
    together = np.ascontiguousarray(model.quantiles(at, LEVELS).T)
    for row in range(13):
        alone = np.ascontiguousarray(model.quantiles(at[row : row + 1], LEVELS).T)
        assert alone.tobytes() == together[row : row + 1].tobytes()


def test_quantiles_are_those_of_the_draws_and_the_median_is_the_location(model: StudyModel) -> None:
    at = planned(5)
    draws = model.draws(at)
    low, middle, high = model.quantiles(at, LEVELS)
    assert low == pytest.approx(np.quantile(draws, 0.05, axis=0), rel=1e-3)
    assert high == pytest.approx(np.quantile(draws, 0.95, axis=0), rel=1e-3)
    assert np.median(draws, axis=0) == pytest.approx(middle, rel=1e-6)


def test_scores_see_the_spread_of_the_draws(model: StudyModel) -> None:
    at = planned(9)
    made = model.predictive(at)
    drawn = np.log(model.draws(at))
    wide = np.quantile(drawn, 0.95, axis=0) - np.quantile(drawn, 0.05, axis=0)
    assert wide == pytest.approx(2 * 2.132 * made.scale, rel=0.3)


def test_intervals_widen_off_the_diagonal() -> None:
    """Params and tokens rise together in the runs; far off that line little is known."""
    rng = np.random.default_rng(1)
    n = np.geomspace(3e7, 1e9, 30)
    d = 20 * n * np.exp(rng.normal(0, 0.2, 30))
    loss = (1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28) * np.exp(rng.normal(0, 0.003, 30))
    narrow = study_model(pl.DataFrame({"params": n, "tokens": d, "loss": loss}), INPUTS, "loss")
    at = pl.DataFrame({"params": [6e8, 5e7], "tokens": [1.2e10, 1.44e11]})
    low, _, high = narrow.quantiles(at, LEVELS)
    assert np.log(high / low)[1] > 2.0 * np.log(high / low)[0]


def test_a_table_that_the_law_fails_on_has_the_model_of_any_table() -> None:
    """Loss that falls with one input and has its least inside the other's range."""
    rng = np.random.default_rng(2)
    size, width = (
        one.ravel() for one in np.meshgrid(np.geomspace(1e6, 1e9, 8), np.geomspace(1.0, 512.0, 9))
    )
    loss = 2.0 + 30.0 * size**-0.2 + 0.06 * (np.log(width) - 3.0) ** 2
    table = pl.DataFrame(
        {"a": size, "b": width, "loss": loss * np.exp(rng.normal(0, 0.002, len(size)))}
    )
    assert isinstance(study_model(table, ("a", "b"), "loss"), TableModel)
    assert isinstance(study_model(runs(), INPUTS, "loss"), TwoInputModel)


def test_forecast_reads_the_model(model: StudyModel) -> None:
    made = scaling.forecast(runs(), planned(3), quantiles=LEVELS)
    assert made["value"].to_numpy() == pytest.approx(
        model.quantiles(planned(3), LEVELS).T.ravel(), rel=1e-15
    )
