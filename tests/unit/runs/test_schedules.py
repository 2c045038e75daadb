"""Learning rates: as a text, as logged, and joined."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from scaling.errors import InputError
from scaling.runs.logged_rates import column_of, continued, is_constant, is_rising, joined, logged
from scaling.runs.schedules import plan


def test_cosine_has_its_values_at_the_quarters() -> None:
    made = plan("cosine:peak=3e-4,floor=3e-5,warmup=2000,end=24000")
    x = np.array([0.0, 1000.0, 2000.0, 13000.0, 24000.0, 30000.0])
    expected = [0.0, 1.5e-4, 3e-4, 1.65e-4, 3e-5, 3e-5]
    np.testing.assert_allclose(made.at(x), expected, rtol=1e-5)
    assert made.warm == 2000 and made.notes == ()


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("linear:floor=10%", 50.0, 0.55),
        ("wsd:decay=20%", 90.0, 0.5),
        ("wsd:decay=20,shape=sqrt,floor=0", 85.0, 0.5),
        ("wsd:decay=20%,shape=exp,floor=1%", 90.0, 0.1),
        ("wsd:decay=20%,shape=cosine,floor=0", 90.0, 0.5),
        ("constant", 70.0, 1.0),
        ("cosine:floor=0", 50.0, 0.5),
        ("points:0=1,60=1,100=0.5", 80.0, 0.75),
    ],
)
def test_each_kind_at_a_point(text: str, at: float, expected: float) -> None:
    assert plan(text, end=100.0).at(np.array([at]))[0] == pytest.approx(expected, rel=1e-4)


def test_what_is_assumed_is_listed() -> None:
    (note,) = plan("wsd", end=100.0).notes
    assert note == (
        "Schedule wsd. Assumed: an end at 100 (the farthest target), no warm-up, a floor of 0% of "
        "the peak, a decay over the last 20%."
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cosin", "Did you mean 'cosine'"),
        ("cosine:flor=1", "has no 'flor'"),
        ("cosine:floor=-1", "floor is no such number"),
        ("cosine:floor=3e-5", "needs the peak"),
        ("cosine:end_ratio=0.1", r"has no 'end_ratio'.*floor \(rate at the end, such as 10%\)"),
        ("wsd:warmup_steps=2", r"warmup \(length of the warm-up\)"),
        ("wsd:decay=120", "decay is longer than the run"),
        ("wsd:decay=120%", "a share such as 10%"),
        ("cosine:warmup=2000 steps", "warmup is no such number"),
        ("cosine:floor=10%;end=90", "floor is no such number"),
        ("cosine floor=10%", "Did you mean 'cosine'"),
        ("linear_decay", "Did you mean 'linear'"),
        ("cosine:floor=2,peak=1", "above the peak"),
        ("cosine:warmup=200", "warmup is longer"),
        ("wsd:decay=90%,warmup=20%", "within the warm-up"),
        ("wsd:shape=cubic", "no such shape"),
        ("wsd:shape=exp,floor=0", "no such shape"),
        ("linear:peak=0", "peak is no rate"),
        ("linear:floor=1%,floor=2%", "stands twice"),
        ("linear:floor", "not KEY=VALUE"),
        ("points:5=1,3=2", "not points in order"),
        ("points:0=1", "not points in order"),
        ("cosine:end=ten", "end is no such number"),
        ("", "unknown schedule"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        plan(text, end=100.0)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("WSD:decay=0.2,floor=10%", "wsd:decay=20%,floor=10%"),
        ("wsd:decay=20%,shape=1-sqrt", "wsd:decay=20%,shape=sqrt"),
        ("wsd:decay=20%,shape=Exponential", "wsd:decay=20%,shape=exp"),
        ("cosine:floor=0.1,warmup=.02", "cosine:floor=10%,warmup=2%"),
        ("points:0=1,50%=1,100%=0", "points:0=1,12000=1,24000=0"),
        ("cosine:end=24k,floor=3e-5,peak=3e-4", "cosine:end=24000,floor=10%,peak=3e-4"),
    ],
)
def test_two_ways_to_say_the_same(text: str, same: str) -> None:
    at = np.linspace(0.0, 24000.0, 49)
    np.testing.assert_allclose(plan(text, 24000.0).at(at), plan(same, 24000.0).at(at), atol=1e-12)


def test_a_share_written_as_a_number_is_said() -> None:
    assert "decay as 20% of the run" in plan("wsd:decay=0.2", 24000.0).notes[0]
    assert "a floor of 10% of the peak" in plan("cosine:floor=0.1", 24000.0).notes[0]


def test_a_short_run_in_epochs_has_lengths_below_one() -> None:
    assert plan("wsd:decay=0.5,floor=0", 3.0).at(np.array([2.75]))[0] == pytest.approx(0.5)


@pytest.mark.parametrize("text", ["wsd:decay=20%,warmup=2000", "wsd:decay=4800"])
def test_steps_of_a_run_in_tokens_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="is in another unit than the run"):
        plan(text, 12e9)


def test_a_schedule_without_an_end_is_refused() -> None:
    with pytest.raises(InputError, match="where does it end"):
        plan("cosine")
    with pytest.raises(InputError, match="where does it end"):
        plan("points:0=1,50%=1,100%=0")


@pytest.mark.parametrize(
    "name",
    ["lr", "learning_rate", "train/lr", "Learning Rate", "lr-AdamW", "optim/learning_rate",
     "optim/learning_rate_group0", "lr_group0", "param_groups/0/lr", "current_lr", "train_lr",
     "lr_param_group_1", "learningRate"],
)  # fmt: skip
def test_names_of_logged_rates(name: str) -> None:
    assert column_of(pl.DataFrame({"loss": [1.0], name: [1.0]})) == name


@pytest.mark.parametrize("name", ["lrs_of_all", "clr", "learning_rate_note", "slr"])
def test_names_of_other_columns(name: str) -> None:
    assert column_of(pl.DataFrame({name: [1.0]})) is None


def test_a_logged_step_is_a_jump() -> None:
    x = np.arange(1.0, 11.0)
    made = logged(x, np.where(x < 6, 3e-4, 1e-4), "lr")
    assert made is not None
    np.testing.assert_allclose(made.at(np.array([5.4, 5.6])), [3e-4, 1e-4])


def test_several_rates_at_one_place_are_no_log() -> None:
    assert logged(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0]), "lr") is None


def test_a_zero_between_rates_was_not_logged() -> None:
    x = np.arange(1.0, 21.0)
    made = logged(x, np.where(x == 7, 0.0, 3e-4), "lr")
    assert made is not None and made.rate.min() == 3e-4
    assert "is 0 at 7 between rates above 0: taken as not logged" in made.notes[0]
    ended = logged(x, np.where(x > 15, 0.0, 3e-4), "lr")
    assert ended is not None and ended.rate[-1] == 0 and not ended.notes


def test_a_log_that_ends_within_the_warm_up_is_rising() -> None:
    log = logged(np.arange(1.0, 20.0), np.arange(1.0, 20.0), "lr")
    assert log is not None and is_rising(log)


@pytest.mark.parametrize("bad", [-1e-4, np.inf])
def test_a_bad_rate_names_its_row(bad: float) -> None:
    with pytest.raises(InputError, match="row 2, column 'lr'"):
        logged(np.array([1.0, 2.0, 3.0]), np.array([1e-4, bad, 1e-4]), "lr")


def test_a_log_of_half_a_cosine_goes_on_as_one() -> None:
    plain = plan("cosine:peak=3e-4,floor=10%,warmup=2000,end=24000")
    x = np.arange(2000.0, 12000.0, 100.0)
    log = logged(x, np.round(plain.at(x), 7), "lr")
    assert log is not None
    made = continued(log, 24000.0)
    at = np.array([15000.0, 20000.0, 24000.0])
    np.testing.assert_allclose(made.at(at), plain.at(at), atol=3e-6)
    assert "as a cosine" in made.notes[0]


def test_a_log_of_a_cosine_to_another_end_keeps_its_own() -> None:
    plain = plan("cosine:peak=3e-4,floor=10%,warmup=2000,end=40000")
    x = np.arange(500.0, 16000.0, 100.0)
    log = logged(x, plain.at(x), "lr")
    assert log is not None
    at = np.array([20000.0, 24000.0])
    np.testing.assert_allclose(continued(log, 24000.0).at(at), plain.at(at), atol=3e-6)


def test_a_log_of_a_line_goes_on_to_zero() -> None:
    x = np.arange(1.0, 60.0)
    log = logged(x, 1.0 - 0.01 * x, "lr")
    assert log is not None
    made = continued(log, 120.0)
    np.testing.assert_allclose(made.at(np.array([80.0, 100.0, 120.0])), [0.2, 0.0, 0.0], atol=1e-9)
    assert "as a straight line" in made.notes[0]


def test_a_constant_log_stays_and_says_so() -> None:
    log = logged(np.arange(1.0, 20.0), np.full(19, 3e-4), "lr")
    assert log is not None and is_constant(log)
    made = continued(log, 40.0)
    assert "stay at 0.0003" in made.notes[0] and made.open_from == 19.0


def test_a_plan_goes_on_from_the_log_in_its_units() -> None:
    log = logged(np.arange(1.0, 51.0), np.full(50, 3e-4), "lr")
    assert log is not None
    made = joined(log, plan("wsd:decay=20%,floor=0", end=100.0))
    np.testing.assert_allclose(made.at(np.array([50.0, 80.0, 90.0])), [3e-4, 3e-4, 1.5e-4])
    assert not any("is not" in note for note in made.notes)


def test_a_plan_that_is_not_the_log_is_said() -> None:
    log = logged(np.arange(1.0, 51.0), np.full(50, 3e-4), "lr")
    assert log is not None
    made = joined(log, plan("cosine:peak=3e-4,floor=10%", end=100.0))
    assert any("The column lr is not the schedule cosine" in note for note in made.notes)
