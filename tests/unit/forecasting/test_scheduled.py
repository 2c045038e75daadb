"""Forecasts of a curve whose learning rate is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.forecasting.curves import extrapolate, spread
from scaling.forecasting.scheduled import forecast_end, predict, study_gains
from scaling.laws._falls import falls
from scaling.runs.schedules import Schedule, plan

WSD = "wsd:peak=3e-4,warmup=2000,decay=20%,floor=10%,end=24000"
COSINE = "cosine:peak=3e-4,warmup=2000,floor=10%,end=24000"


def simulated(text: str, gain: float = 0.05, noise: float = 1e-3) -> tuple[Array, Array, Schedule]:
    """A run by the multi-power shape, from the end of its warm-up."""
    schedule = plan(text)
    x = np.arange(2100.0, 24001.0, 100.0)
    cut = falls(schedule, 24000.0, unit=schedule.peak)
    drop = cut.by_sum(x, 300.0 / cut.total[-1], 0.644, 0.592)
    theta = np.array([[np.log(3.0), 2.6, np.log(0.5), np.log(gain)]])
    rng = np.random.default_rng(1)
    y = np.exp(predict(theta, cut.sums(x) / cut.total[-1], drop)[0][0])
    return x, y * np.exp(noise * rng.standard_normal(len(x))), schedule


def halves(x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    known = x <= 12000
    return x[known], y[known], x[~known], y[~known]


@pytest.mark.parametrize("text", [WSD, COSINE])
@pytest.mark.parametrize("noise", [1e-4, 1e-3, 5e-3])
def test_the_end_of_a_decay_is_forecast_from_half(text: str, noise: float) -> None:
    x, y, schedule = simulated(text, noise=noise)
    known, values, at, truth = halves(x, y)
    made = forecast_end(known, values, at, schedule)
    plain = forecast_end(known, values, at)
    assert abs(made.location[-1] - np.log(truth[-1])) < max(0.01, 2 * noise)
    if text == WSD:
        assert plain.location[-1] - np.log(truth[-1]) > 0.02
    rank = made.rank(truth)
    assert 0.02 < rank[-1] < 0.98


def test_neither_the_unit_of_the_rate_nor_that_of_the_input_matters() -> None:
    x, y, schedule = simulated(WSD)
    known, values, at, _ = halves(x, y)
    made = forecast_end(known, values, at, schedule)
    tokens = Schedule(5e5 * schedule.x, 7.0 * schedule.rate, "the same in tokens")
    same = forecast_end(5e5 * known, values, 5e5 * at, tokens)
    np.testing.assert_allclose(same.location, made.location, atol=1e-4)
    np.testing.assert_allclose(same.scale, made.scale, rtol=1e-2)


def test_without_a_schedule_the_forecast_is_the_one_of_curves() -> None:
    x, y, _ = simulated(WSD)
    known, values, at, _ = halves(x, y)
    plain = extrapolate(known, values, at)
    for schedule in (None, plan("constant", 24000.0)):
        made = forecast_end(known, values, at, schedule)
        np.testing.assert_array_equal(made.location, plain.location)
        np.testing.assert_array_equal(made.scale, spread(plain)[0])


def test_a_spike_hardly_moves_it() -> None:
    x, y, schedule = simulated(COSINE)
    known, values, at, _ = halves(x, y)
    before = forecast_end(known, values, at, schedule).location
    spiked = np.where(np.arange(len(known)) % 20 == 7, 1.3 * values, values)
    np.testing.assert_allclose(
        forecast_end(known, spiked, at, schedule).location, before, atol=4e-3
    )


def test_few_points_are_enough() -> None:
    x, y, schedule = simulated(COSINE)
    known, values, at, truth = halves(x[::20], y[::20])
    made = forecast_end(known, values, at, schedule)
    assert abs(made.location[-1] - np.log(truth[-1])) < 0.015


@pytest.mark.parametrize("gain", [0.025, 0.1])
def test_other_runs_say_how_much_a_fall_gains(gain: float) -> None:
    x, y, schedule = simulated(WSD, gain)
    known, values, at, truth = halves(x, y)
    alone = forecast_end(known, values, at, schedule)
    helped = forecast_end(known, values, at, schedule, others=[simulated(COSINE, gain)])
    error = [abs(one.location[-1] - np.log(truth[-1])) for one in (alone, helped)]
    assert error[1] < error[0]
    assert (study_gains([simulated(COSINE, gain)])[:, 1] < study_gains([])[:, 1]).all()


def test_a_finished_run_says_more_than_one_under_way() -> None:
    x, y, schedule = simulated(COSINE, 0.1)
    part = x < 8000
    whole = study_gains([(x, y, schedule)])
    begun = study_gains([(x[part], y[part], schedule)])
    none = study_gains([])
    assert (whole[:, 1] < begun[:, 1]).all() and (begun[:, 1] <= none[:, 1] + 1e-9).all()
    assert (np.abs(whole[:, 0] - np.log(0.1)) < np.abs(begun[:, 0] - np.log(0.1))).all()


def table(text: str, *, rate: bool = True) -> pl.DataFrame:
    """The first half of a run, as a trainer logs it."""
    x, y, schedule = simulated(text)
    made = pl.DataFrame({"step": x, "train/lr": schedule.at(x), "loss": y}).filter(x <= 12000)
    return made if rate else made.drop("train/lr")


def median(made: pl.DataFrame) -> float:
    return float(made.filter(pl.col("quantile") == 0.5)["value"][0])


def test_a_logged_cosine_is_used_and_said() -> None:
    made = scaling.forecast(table(COSINE), {"step": [24000]}, inputs=["step"])
    planned = scaling.forecast(
        table(COSINE, rate=False), {"step": [24000]}, inputs=["step"], schedule=COSINE
    )
    assert median(made) == pytest.approx(median(planned), rel=4e-3)
    assert any("the column train/lr" in note for note in made.notes)
    assert any("as a cosine" in note for note in made.notes)


def test_a_constant_log_says_what_it_assumes_and_allows_for_a_fall() -> None:
    _, y, _ = simulated(WSD)
    made = scaling.forecast(table(WSD), {"step": [24000]}, inputs=["step"])
    plain = scaling.forecast(table(WSD, rate=False), {"step": [24000]}, inputs=["step"])
    assert median(made) == median(plain)
    low = {one: float(t.filter(pl.col("quantile") == 0.05)["value"][0])
           for one, t in (("open", made), ("plain", plain))}  # fmt: skip
    assert low["open"] < y[-1] < low["plain"]
    assert any("assumes that it stays at 0.0003, and its interval is wider" in note
               for note in made.notes)  # fmt: skip
    near = scaling.forecast(table(WSD), {"step": [12001]}, inputs=["step"])
    same = scaling.forecast(table(WSD, rate=False), {"step": [12001]}, inputs=["step"])
    np.testing.assert_allclose(near["value"], same["value"], rtol=1e-3)


def test_a_log_that_ends_within_the_warm_up_says_so() -> None:
    rows = table(WSD, rate=False).with_columns(lr=1e-7 * pl.col("step"))
    made = scaling.forecast(rows, {"step": [24000]}, inputs=["step"])
    assert any("rising as far as it is logged" in note for note in made.notes)


def test_a_curve_without_a_rate_says_that_none_is_known() -> None:
    made = scaling.forecast(table(WSD, rate=False), {"step": [24000]}, inputs=["step"])
    assert any("No learning rate is logged along step" in note for note in made.notes)
    odd = table(WSD).rename({"train/lr": "lr (x1e-4)"})
    made = scaling.forecast(odd, {"step": [24000]}, inputs=["step"])
    assert any("Not read as a learning rate: lr (x1e-4)" in note for note in made.notes)


@pytest.mark.parametrize(
    ("unit", "schedule"),
    [(5e5, WSD), (1.0, "cosine:end=12B"), (1.0, "cosine:end=12B,warmup=1B"), (1.0, "linear:end=1")],
)
def test_a_schedule_in_another_unit_than_the_input_is_refused(unit: float, schedule: str) -> None:
    rows = table(WSD, rate=False).with_columns(pl.col("step") * unit)
    with pytest.raises(InputError, match=r"in another unit than the input.*the unit of step"):
        scaling.forecast(rows, {"step": [24000 * unit]}, inputs=["step"], schedule=schedule)


def test_a_schedule_far_longer_than_the_targets_is_asked_about() -> None:
    rows, at = table(WSD, rate=False), {"step": [24000]}
    made = scaling.forecast(rows, at, inputs=["step"], schedule="cosine:end=1m")
    assert any("is it in the unit of step?" in note for note in made.notes)
    made = scaling.forecast(rows, at, inputs=["step"], schedule="cosine:end=50000")
    assert not any("is it in the unit" in note for note in made.notes)


def test_a_rate_in_too_few_rows_is_not_read() -> None:
    rate = pl.when(pl.col("step") < 2500).then(pl.col("train/lr")).otherwise(float("nan"))
    rows = table(COSINE).with_columns(rate)
    made = scaling.forecast(rows, {"step": [24000]}, inputs=["step"])
    assert any("4 rows have a rate, 10 are needed" in note for note in made.notes)


def test_none_reads_no_rate() -> None:
    made = scaling.forecast(table(COSINE), {"step": [24000]}, inputs=["step"], schedule="none")
    plain = scaling.forecast(table(COSINE, rate=False), {"step": [24000]}, inputs=["step"])
    assert made["value"].to_list() == plain["value"].to_list() and not made.notes


def test_a_number_is_no_schedule() -> None:
    with pytest.raises(InputError, match="no schedule"):
        scaling.forecast(table(COSINE), {"step": [24000]}, inputs=["step"], schedule=5)  # type: ignore[arg-type]


def test_targets_beyond_the_schedule_are_said() -> None:
    made = scaling.forecast(
        table(COSINE), {"step": [30000]}, inputs=["step"], schedule="cosine:floor=10%,end=24000"
    )
    assert any("lie beyond the end of the schedule, 24000" in note for note in made.notes)


def test_the_run_that_the_targets_name_is_forecast_with_the_others() -> None:
    x, y, schedule = simulated(COSINE, 0.1)
    other = pl.DataFrame({"step": x, "train/lr": schedule.at(x), "loss": y, "run": "small"})
    runs = pl.concat([table(WSD).with_columns(run=pl.lit("large")), other])
    at = {"step": [24000], "run": ["large"]}
    made = scaling.forecast(runs, at, inputs=["step"], schedule=WSD)
    alone = scaling.forecast(table(WSD), at, inputs=["step"], schedule=WSD)
    assert median(made) < median(alone)
    assert any("that of run large" in note for note in made.notes)
    assert any("1 other run" in note for note in made.notes)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"schedule": "cosin"}, "unknown schedule"),
        ({"schedule": "cosine", "laws": ["power_law"]}, "only the forecast of a curve"),
        ({"schedule": "cosine", "inputs": ["step", "train/lr"]}, "a schedule is for one input"),
    ],
)
def test_a_schedule_that_nothing_reads_is_refused(options: dict[str, object], found: str) -> None:
    at = {"step": [24000], "train/lr": [3e-5]}
    with pytest.raises(InputError, match=found):
        scaling.forecast(table(COSINE), at, **{"inputs": ["step"], **options})  # type: ignore[arg-type]


def test_a_backtest_knows_the_schedule() -> None:
    x, y, schedule = simulated(WSD)
    runs = pl.DataFrame({"step": x[::4], "lr": schedule.at(x[::4]), "loss": y[::4]})
    errors = {}
    for name in ("none", WSD):
        made = scaling.backtest(runs, ["step"], schedule=name, shares=[0.6])
        own = made.filter(pl.col("method") == "ensemble")
        errors[name] = float(own["log_error"].abs().mean())  # type: ignore[arg-type]
    assert errors[WSD] < 0.5 * errors["none"]


def test_rates_of_the_targets_are_the_plan() -> None:
    _, y, schedule = simulated(WSD)
    at = np.array([14000.0, 18000.0, 21000.0, 24000.0])
    ends = pl.DataFrame({"step": at, "train/lr": schedule.at(at)})
    made = scaling.forecast(table(WSD), ends)
    end = float(made.filter(pl.col("quantile") == 0.5)["value"][-1])
    assert end == pytest.approx(float(y[-1]), rel=0.02)
    assert any("100% of its peak at the last row, 10% at" in note for note in made.notes)
    assert any("train/lr (the learning rate along the run)" in note for note in made.notes)


def test_rates_of_a_sweep_stay_an_input() -> None:
    rates = [1e-4, 3e-4, 1e-3]
    sweep = pl.DataFrame(
        [(1e9 * k, lr, 2.0 + 1.0 / k + (np.log(lr / 3e-4)) ** 2 / 50)
         for k in (1, 2, 4, 8) for lr in rates],
        schema=["tokens", "lr", "loss"], orient="row",
    )  # fmt: skip
    made = scaling.forecast(sweep, {"tokens": [1.6e10], "lr": [3e-4]})
    assert any("Inputs: tokens, lr" in note for note in made.notes) or not made.notes
    assert not any("Learning rate" in note for note in made.notes)
