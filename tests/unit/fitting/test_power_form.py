"""Laws that are sums of power terms, in the compiled solver."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
import pytest

import scaling
from benchmarks.fit_speed.points import chinchilla
from scaling.fitting.engine import prepare, solve
from scaling.fitting.solver import compiled, newton
from scaling.fitting.solver.kernels import kernel_of
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.power_form import power_form
from scaling.fitting.solver.problem import Problem
from scaling.fitting.solver.space import Space
from scaling.fitting.uncertainty.bootstrap import resampled_weights


@pytest.fixture(scope="module")
def points() -> pl.DataFrame:
    return chinchilla()


@pytest.mark.parametrize("link", ["log", "linear"])
@pytest.mark.parametrize(
    "name", ["chinchilla", "coupled", "kaplan_joint", "kaplan_offset", "over_training"]
)
def test_laws_with_a_surface_are_compiled_as_numpy_fits_them(
    points: pl.DataFrame, name: str, link: Literal["log", "linear"]
) -> None:
    problem = prepare(points, name, objective=Objective(link=link, delta=1e-2))
    _, u = solve(problem)
    assert compiled.serves(problem)
    weights = next(resampled_weights(problem, 60, np.arange(problem.rows), 0))[1][:60]
    begin = np.repeat(u[None], len(weights), axis=0)
    fast = compiled.minimise(problem, begin, weights)
    slow = newton.minimise(problem, begin, weights)
    np.testing.assert_allclose(fast.f, problem.value(fast.u, weights), rtol=1e-9)
    same = np.abs(fast.f / slow.f - 1) < 1e-8
    assert same.mean() >= 0.95  # kinks can send a walk into a neighbouring minimum


def test_a_held_coordinate_stays_and_the_others_are_at_their_best(points: pl.DataFrame) -> None:
    aim = Objective(link="linear", delta=1e-2)
    problem = prepare(points, "chinchilla", objective=aim)
    _, u = solve(problem)
    begin, held = np.repeat(u[None], 5, axis=0) + 0.02 * np.eye(5), np.arange(5)
    by_numpy = newton.minimise(problem, begin, held=held)
    made = compiled.minimise(problem, begin, np.ones((5, problem.rows)), held=held)
    for k, name in enumerate(problem.space.free):
        value = float(problem.space.theta(begin[[k]])[0, k])
        rest = prepare(points, "chinchilla", objective=aim, fixed={name: value})
        found = newton.minimise(rest, np.delete(begin[k], k)[None])
        for one in (by_numpy, made):
            assert one.u[k, k] == begin[k, k]
            np.testing.assert_allclose(one.f[k], found.f[0], rtol=1e-9)


def test_what_has_no_form_is_left_to_numpy(points: pl.DataFrame) -> None:
    for name in ("broken_power", "joint_moe"):
        law = scaling.laws.get(name)
        x = {one.name: np.linspace(1.0, 2.0, 8) for one in law.all_inputs}
        space = Space(law)
        aim = Objective(link=law.link)
        kernel = kernel_of(law, x, space, aim)
        problem = Problem(law, x, np.linspace(1, 2, 8), np.ones(8), aim, space, kernel)
        assert power_form(problem) is None
    fixed = prepare(points, "chinchilla", fixed={"E": 1.8})
    assert not compiled.serves(fixed)
