"""`scaling.forecast`: shape, honesty on held-out runs, and every kind of input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from benchmarks.coverage import simulate, truth_at
from benchmarks.forecast.run import scores
from scaling.forecasting.distribution import Predictive

LIBRARY = Path("data/published")


def test_one_row_per_target_and_quantile() -> None:
    runs = simulate(60, 0.003, False, np.random.default_rng(0))
    at = pl.DataFrame({"name": ["a", "b"], "params": [1e10, 2e10], "tokens": [2e11, 4e11]})
    made = scaling.forecast(runs, at, quantiles=(0.5, 0.05, 0.95))
    assert made.columns == ["name", "params", "tokens", "quantile", "value"]
    assert made["quantile"].to_list() == [0.5, 0.05, 0.95] * 2
    middle, low, high = made.filter(pl.col("name") == "a")["value"]
    assert low < middle < high


def test_same_call_same_bytes() -> None:
    runs = simulate(60, 0.003, False, np.random.default_rng(0))
    at = pl.DataFrame({"params": [1e10], "tokens": [2e11]})
    one, two = (scaling.forecast(runs, at)["value"].to_numpy() for _ in "ab")
    assert one.tobytes() == two.tobytes()


def test_intervals_hold_on_simulated_extrapolation() -> None:
    held = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        runs = simulate(60, 0.005, False, rng)
        size = 0.6 * np.sqrt(1e23 / 6)
        at = pl.DataFrame({"params": [size], "tokens": [1e23 / 6 / size]})
        low, high = scaling.forecast(runs, at, quantiles=(0.05, 0.95))["value"]
        held.append(low <= truth_at(at)[0] * np.exp(0.005 * rng.standard_normal()) <= high)
    assert np.mean(held) >= 0.8


def test_beats_plain_chinchilla_on_gemstones() -> None:
    rows = pl.read_csv(LIBRARY / "gemstones/runs.csv").filter(
        pl.col("family") == "gemstones-cool_end"
    )
    edge = rows["flops"].quantile(0.8)
    small, large = rows.filter(pl.col("flops") < edge), rows.filter(pl.col("flops") >= edge)
    small = small.rename({"value": "loss"})
    made = scaling.forecast(small, large.select("params", "tokens"), quantiles=(0.05, 0.5, 0.95))
    low, middle, high = made["value"].to_numpy().reshape(-1, 3).T
    truth = large["value"].to_numpy()
    x = {name: large[name].cast(pl.Float64).to_numpy() for name in ("params", "tokens")}
    plain = scaling.fit(small, "chinchilla", resamples=0).predict(x)
    assert np.abs(np.log(middle / truth)).mean() < 0.75 * np.abs(np.log(plain / truth)).mean()
    assert np.mean((low <= truth) & (truth <= high)) >= 0.85


def test_one_variable_of_any_name() -> None:
    x = np.geomspace(1e3, 1e6, 12)
    noise = np.exp(0.003 * np.random.default_rng(1).standard_normal(12))
    runs = pl.DataFrame({"images": x, "error": (0.1 + 30 * x**-0.5) * noise})
    at = pl.DataFrame({"images": [2e6]})
    levels = (0.05, 0.5, 0.95)
    made = scaling.forecast(runs, at, inputs=["images"], target="error", quantiles=levels)
    low, middle, high = made["value"]
    assert low < 0.1 + 30 * 2e6**-0.5 < high
    assert middle == pytest.approx(0.1 + 30 * 2e6**-0.5, rel=0.02)


def test_rising_accuracy_stays_below_one() -> None:
    x = np.geomspace(1e3, 1e6, 15)
    runs = pl.DataFrame({"x": x, "acc": 1 - 5 * x**-0.3})
    runs = runs.filter(pl.col("acc") > 0)
    at = pl.DataFrame({"x": [1e7, 1e9]})
    made = scaling.forecast(runs, at, inputs=["x"], target="acc")
    assert made["value"].is_between(0, 1).all()
    assert made.filter(pl.col("quantile") == 0.5)["value"].is_sorted()
    assert made.group_by("x", maintain_order=True).agg(pl.col("value"))["value"][0].is_sorted()


def test_six_points_and_two_inputs() -> None:
    runs = simulate(20, 0.003, False, np.random.default_rng(2)).head(6)
    at = pl.DataFrame({"params": [1e10], "tokens": [2e11]})
    assert scaling.forecast(runs, at)["value"].is_finite().all()


def test_bad_requests() -> None:
    runs = simulate(20, 0.003, False, np.random.default_rng(2))
    at = pl.DataFrame({"params": [1e10], "tokens": [2e11]})
    with pytest.raises(scaling.InputError, match="between 0 and 1"):
        scaling.forecast(runs, at, quantiles=(0.5, 1.0))
    with pytest.raises(scaling.InputError, match="empty"):
        scaling.forecast(runs, at.clear())
    with pytest.raises(scaling.InputError, match="needs other inputs"):
        scaling.forecast(runs, at, laws=["power_law"])
    with pytest.raises(scaling.InputError, match="> 0"):
        scaling.forecast(runs, at.with_columns(tokens=-1.0))


def test_a_share_that_reached_its_end_is_scored() -> None:
    made = Predictive(np.log([0.1, 0.1]), np.array([0.2, 0.2]), 5.0, increasing=True)
    found = scores(made, np.array([0.9, 1.0]))
    assert np.isfinite(list(found.values())).all()
    assert found == pytest.approx(scores(replace(made, increasing=False), np.array([0.1, 1e-9])))
