"""One-variable laws: the implicit one against its own equation, and published extrapolations."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scaling
from scaling import laws
from scaling.fitting.solver.jet import variable
from scaling.fitting.solver.objective import Objective
from scaling.laws.sigmoid_power import _root, predict

SQUARES = Objective(kind="least_squares")


@given(st.floats(-4, 4), st.floats(-700, 700))
@settings(max_examples=300)
def test_the_root_solves_its_equation(log_a: float, z: float) -> None:
    a = np.array([10.0**log_a])
    v = _root(np.array([z]), a)
    level = a * np.logaddexp(v, 0.0) - np.logaddexp(-v, 0.0)
    assert level[0] == pytest.approx(z, rel=1e-12, abs=1e-9 * max(1.0, float(a[0])))


def test_the_implicit_law_holds_and_stays_between_its_levels() -> None:
    p = SimpleNamespace(b=600.0, c=-0.4, a=0.3, e=0.2, e0=1.0)
    x = np.geomspace(1e3, 1e9, 50)
    y = predict(p, SimpleNamespace(x=x))
    assert ((y > p.e) & (y < p.e0) & (np.diff(y, prepend=1.0) < 0)).all()
    np.testing.assert_allclose((y - p.e) / (p.e0 - y) ** p.a, p.b * x**p.c, rtol=1e-7)


def test_derivatives_of_the_root_are_exact() -> None:
    theta, h = np.array([600.0, -0.4, 0.3, 0.2, 1.0]), 1e-4
    x = SimpleNamespace(x=np.geomspace(1e4, 1e8, 7))
    names = ("b", "c", "a", "e", "e0")

    def value(at: np.ndarray) -> np.ndarray:
        return np.asarray(predict(SimpleNamespace(**dict(zip(names, at, strict=True))), x))

    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    jets = {
        name: variable(i, np.array([[theta[i]]]), one, zero, second=True)
        for i, name in enumerate(names)
    }
    made = predict(SimpleNamespace(**jets), x)
    step = h * np.diag(np.maximum(np.abs(theta), 0.1))
    for i in range(5):
        rise = (value(theta + step[i]) - value(theta - step[i])) / (2 * step[i, i])
        bend = value(theta + step[i]) - 2 * value(theta) + value(theta - step[i])
        np.testing.assert_allclose(made.first[i][0], rise, rtol=1e-5, atol=1e-9)
        second = bend / step[i, i] ** 2
        np.testing.assert_allclose(
            made.second[(i, i)][0], second, rtol=1e-3, atol=1e-4 * np.abs(second).max()
        )


@pytest.mark.parametrize("law", ["power_bare", "power_offset", "power_shifted", "sigmoid_power"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e20])
def test_units_of_x_do_not_matter(law: str, scale: float) -> None:
    rng = np.random.default_rng(3)
    x = np.geomspace(1.0, 1e4, 60) * scale
    y = 0.2 + 0.8 / (1.0 + (x / scale) ** 0.4 / 6.0) + 1e-3 * rng.standard_normal(60)
    made = scaling.fit(
        pl.DataFrame({"x": x, "y": y}), law, target="y", objective=SQUARES, resamples=0
    )
    base = scaling.fit(
        pl.DataFrame({"x": x / scale, "y": y}), law, target="y", objective=SQUARES, resamples=0
    )
    assert made.objective == pytest.approx(base.objective, rel=1e-5)


@pytest.mark.parametrize("name", ["ladder", "data_quality", "families", "observational"])
def test_bound_laws_do_not_overflow(name: str) -> None:
    law = laws.get(name)
    assert law.example is not None
    runs, _ = law.example(np.random.default_rng(3))
    made = scaling.fit(runs, law, target=law.target, resamples=0)
    far = np.geomspace(1.0, 1e30, 31)
    x = {one.name: np.zeros(31) if one.values else far for one in made.law.all_inputs}
    with np.errstate(all="raise", under="ignore"):
        value = made.predict(x)
    assert np.isfinite(value).all() and (value >= law.span[0]).all()


def test_laws_beyond_the_measured_ones_are_not_taken_by_default() -> None:
    from scaling.forecasting.law_choice import applicable

    assert {law.name for law, _ in applicable(["examples"], "auto")} == {"power_law"}
    assert {law.name for law, _ in applicable(["examples"], ["sigmoid_power"])} == {"sigmoid_power"}
    assert len([law for law in laws.load().values() if law.generic]) > 5
