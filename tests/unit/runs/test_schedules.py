"""Learning rates: as a text, as logged, and joined."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from scaling.errors import InputError
from scaling.runs.logged_rates import column_of, continued, is_constant, joined, logged
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


def test_a_schedule_without_an_end_is_refused() -> None:
    with pytest.raises(InputError, match="where does it end"):
        plan("cosine")


@pytest.mark.parametrize(
    "name", ["lr", "learning_rate", "train/lr", "Learning Rate", "lr-AdamW", "optim/learning_rate"]
)
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
    assert "stay at 0.0003" in continued(log, 40.0).notes[0]


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
    assert any("the column lr is not the schedule cosine" in note for note in made.notes)
