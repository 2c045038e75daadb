"""The multi-power and the annealing law on the curves of Luo et al. 2025."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from benchmarks.parity.schedules import README, TRAINED, curves, published_loss, scores
from scaling import laws
from scaling.errors import InputError
from scaling.fitting.engine import fit
from scaling.laws import _falls
from scaling.laws.annealing import lr_drop, lr_sum
from scaling.laws.multi_power import PUBLISHED
from tests.support.needs import SHARED
from tests.support.shared import shared


def of_size(params: float) -> pl.DataFrame:
    """The nine curves of one size, with their schedules as texts."""
    path = shared("multi-power", "curves.csv")
    if path is None:
        SHARED.skip("multi-power")
    return curves(pl.read_csv(path), params)


# L0, A and alpha that round to those of the README.
UNROUNDED = {
    25e6: (3.04037, 0.5246, 0.50752),
    100e6: (2.65122, 0.60134, 0.45261),
    400e6: (2.37545, 0.65356, 0.42928),
}


@pytest.mark.parametrize(("at", "params"), list(enumerate(README)))
def test_constants_that_round_to_the_authors_have_the_scores_of_their_readme(
    at: int, params: float
) -> None:
    table, printed = of_size(params), dict(PUBLISHED[at].values)
    values = {**printed, **dict(zip(("L0", "A", "alpha"), UNROUNDED[params], strict=True))}
    assert {name: round(one, 3) for name, one in values.items()} == printed
    found = scores(table, published_loss(table, values))
    np.testing.assert_allclose(found[1:], README[params][1:], atol=5e-6)
    assert found[0] == pytest.approx(README[params][0], abs=5e-5)


def test_more_cells_do_not_change_the_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    table, values = of_size(25e6), dict(PUBLISHED[0].values)
    few = scores(table, published_loss(table, values))
    monkeypatch.setattr(_falls, "CELLS", 4096)
    np.testing.assert_allclose(scores(table, published_loss(table, values)), few, atol=5e-5)


def test_a_fit_to_three_schedules_forecasts_the_other_six() -> None:
    table = of_size(25e6)
    made = fit(table.filter(pl.col("run").is_in(TRAINED)), "multi_power", resamples=0)
    value = published_loss(table, made.values)
    assert scores(table, value)[0] == pytest.approx(0.9976, abs=1e-4)


# L0, A, alpha, C and R2 of a fit with log-Huber loss to three schedules, S2 from the peak on.
ANNEALING = {
    25e6: (3.158, 0.514, 0.513, 0.402, 0.9979),
    100e6: (2.789, 0.593, 0.455, 0.481, 0.9978),
    400e6: (2.525, 0.654, 0.421, 0.570, 0.9967),
}


@pytest.mark.parametrize("params", ANNEALING)
def test_annealing_fitted_to_three_schedules(params: float) -> None:
    table = of_size(params)
    made = fit(table.filter(pl.col("run").is_in(TRAINED)), "annealing", resamples=0)
    *values, r2 = ANNEALING[params]
    np.testing.assert_allclose([made.values[k] for k in ("L0", "A", "alpha", "C")], values, 0.01)
    x = {"lr_sum": lr_sum(table), "lr_drop": lr_drop(table)}
    assert scores(table, made.predict(x))[0] == pytest.approx(r2, abs=2e-4)


def test_sums_of_a_step_by_hand() -> None:
    table = pl.DataFrame(
        {"step": [50, 100, 150], "lr_schedule": ["points:0=1,100=1,100=0.5,200=0.5"] * 3}
    )
    np.testing.assert_allclose(lr_sum(table), [50.0, 100.0, 125.0], rtol=1e-3)
    expected = 0.5 * (1.0 - 0.999**50) / 0.001
    np.testing.assert_allclose(lr_drop(table), [0.0, 0.0, expected], rtol=2e-2, atol=0.1)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"step": [1, 2]}, "missing column"),
        ({"step": [1, 0], "lr": [1.0, 1.0]}, "no step"),
        ({"step": [1, 2], "lr": [1.0, -1.0]}, "no learning rate"),
        ({"step": [1, 2], "lr_schedule": ["cosine", "linear"]}, "no schedule"),
        ({"step": [1, 2], "lr_schedule": ["cosin", "cosin"]}, "unknown schedule"),
        ({"step": [1], "lr": [1.0]}, "not logged along the run"),
    ],
)
def test_tables_without_a_schedule_are_refused(columns: dict[str, list[float]], found: str) -> None:
    with pytest.raises(InputError, match=found):
        lr_sum(pl.DataFrame(columns))


def test_both_laws_are_in_the_registry() -> None:
    assert {"annealing", "multi_power"} <= set(laws.load())
