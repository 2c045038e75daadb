"""The fan of a forecast: a dozen budgets, from inside the runs to the largest target."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from scaling.forecasting.stored_model import StoredModel, model_of_runs
from scaling.pipeline.forecast import FAN_BELOW, FAN_BUDGETS, FAN_LEVELS, fan_rows, place_targets


@pytest.fixture(scope="module")
def model() -> StoredModel:
    """The model of simulated runs of a Chinchilla law."""
    rng = np.random.default_rng(3)
    n, d = 10 ** rng.uniform(7.5, 9.5, 40), 10 ** rng.uniform(9, 11, 40)
    loss = (1.8 + 400 / n**0.34 + 2000 / d**0.37) * np.exp(rng.normal(0, 0.005, 40))
    table = {"run": [f"r{i}" for i in range(40)], "params": n, "tokens": d, "loss": loss}
    made = model_of_runs(pl.DataFrame(table).with_columns(unit=pl.lit("nats/token")))
    assert made.model is not None, made.reason
    return made


TARGETS = {"small": {"flops": 1e21}, "large": {"flops": 1e24}}


def test_budgets_lead_from_the_runs_to_the_largest_target(model: StoredModel) -> None:
    fan = fan_rows("a", model, place_targets(TARGETS, model))
    budgets = fan["flops"].unique().sort()
    assert fan.height == FAN_BUDGETS * len(FAN_LEVELS)
    low, high = model.ranges["flops"]
    assert budgets[0] == pytest.approx(max(low, high / FAN_BELOW))
    assert budgets[-1] == pytest.approx(1e24)
    steps = np.diff(np.log10(budgets.to_numpy()))
    assert steps == pytest.approx(np.full(FAN_BUDGETS - 1, steps[0]))


def test_quantiles_are_those_of_the_model_alone(model: StoredModel) -> None:
    """More budgets in the table change none of them."""
    targets = place_targets(TARGETS, model)
    fan = fan_rows("a", model, targets)
    assert model.model is not None
    levels = np.array(FAN_LEVELS)
    end = fan.filter(flops=fan["flops"].max()).sort("quantile")
    alone = model.model.quantiles(end.head(1).select("params", "tokens"), levels)[:, 0]
    assert end["value"].to_list() == pytest.approx(alone.tolist(), rel=1e-12)
    assert all(np.diff(end["value"].to_numpy()) > 0)


def test_targets_within_the_runs_end_the_fan_at_the_largest_run(model: StoredModel) -> None:
    fan = fan_rows("a", model, place_targets({"tiny": {"flops": 1e19}}, model))
    assert fan["flops"].max() == pytest.approx(model.ranges["flops"][1])


def test_without_a_model_there_is_no_fan() -> None:
    nothing = StoredModel(None, "no model", "", 0, {})
    assert fan_rows("a", nothing, place_targets(TARGETS, nothing)).height == 0
