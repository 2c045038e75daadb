"""The shape that finished runs share, on curves that collapse."""

from __future__ import annotations

import numpy as np
import pytest

from scaling.arrays import Array
from scaling.forecasting.collapse import MIN_ERROR, Finished, alike, collapse
from scaling.runs.schedules import Schedule, plan

FLOOR = 1.5


def course(length: float, gain: float, rows: int = 60) -> tuple[Array, Array]:
    """A curve of the shape l(u) = u^-.3 + .1 (1 - u) over the floor."""
    u = np.linspace(1.0 / rows, 1.0, rows)
    return length * u, FLOOR + gain * (u**-0.3 + 0.1 * (1.0 - u))


def finished(count: int = 6, **more: Schedule) -> list[Finished]:
    sizes = [(1e9 * 2.0**i, 1.2 * 0.85**i) for i in range(count)]
    runs = [course(*one) for one in sizes]
    return [Finished(f"r{i}", *one, **more) for i, one in enumerate(runs)]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_curves_that_collapse_say_where_the_next_one_ends(share: float) -> None:
    x, y = course(64e9, 1.2 * 0.85**6)
    known = x <= share * x[-1]
    made = collapse(x[known], y[known], x[-1:], 64e9, finished())
    assert made is not None
    assert np.exp(made.made.location[0]) == pytest.approx(y[-1], rel=0.01)
    assert made.error[0] < 0.01
    assert len(made.runs) == 6


def test_targets_before_the_end_are_forecast_too() -> None:
    x, y = course(64e9, 1.2 * 0.85**6)
    made = collapse(x[:30], y[:30], x[[39, 49, 59]], 64e9, finished())
    assert made is not None
    assert np.exp(made.made.location) == pytest.approx(y[[39, 49, 59]], rel=0.01)


def test_the_scale_is_the_error_of_the_finished_runs_from_each_other() -> None:
    x, y = course(64e9, 0.5)
    noisy = [
        Finished(one.name, one.x, one.y * np.where(one.x == one.end, 1.0 + 0.02 * sign, 1.0))
        for one, sign in zip(finished(), (1, -1, 1, -1, 1, -1), strict=True)
    ]
    calm, rough = (collapse(x[:30], y[:30], x[-1:], 64e9, runs) for runs in (finished(), noisy))
    assert calm is not None
    assert rough is not None
    assert rough.error[0] > 0.015
    assert rough.made.scale[0] > 1.3 * 0.015 > calm.made.scale[0] > 1.3 * MIN_ERROR


def test_runs_without_values_so_early_are_not_read() -> None:
    x, y = course(64e9, 0.5)
    late = [Finished(one.name, one.x[20:], one.y[20:]) for one in finished()]
    assert collapse(x[:10], y[:10], x[-1:], 64e9, late) is None
    assert collapse(x[:10], y[:10], x[-1:], 64e9, finished(1)) is None


@pytest.mark.parametrize(
    ("text", "until", "same"),
    [
        ("cosine:floor=10%,warmup=2%", 1.0, True),
        ("cosine:floor=10%,warmup=5%", 1.0, True),
        ("cosine:floor=0,warmup=2%", 1.0, False),
        ("linear:floor=10%,warmup=2%", 1.0, False),
        ("wsd:decay=20%,warmup=2%", 1.0, False),
        ("wsd:decay=20%,warmup=2%", 0.1, True),
        ("constant:warmup=2%", 1.0, False),
    ],
)
def test_which_schedules_go_the_same_way(text: str, until: float, same: bool) -> None:
    cosine = plan("cosine:floor=10%,warmup=2%", 1000.0)
    assert alike(cosine, 1000.0, plan(text, 5000.0), 5000.0, until) is same
