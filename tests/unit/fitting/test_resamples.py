"""What makes fits and resamples quick must not change what they find."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest

from benchmarks.fit_speed.points import chinchilla, power_terms, simulated, without_terms
from scaling.fitting.engine import prepare, solve
from scaling.fitting.reweighted import search
from scaling.fitting.solver import compiled, loops, newton
from scaling.fitting.solver.kernels import GenericKernel, TermsKernel
from scaling.fitting.solver.problem import Problem
from scaling.fitting.solver.search import _basis
from scaling.fitting.uncertainty import bootstrap

COUNT = 300


@pytest.fixture(scope="module")
def points() -> pl.DataFrame:
    return chinchilla()


def resampled(problem: Problem, seed: int = 1) -> np.ndarray[Any, Any]:
    rows = np.arange(problem.rows)
    blocks = bootstrap.resampled_weights(problem, COUNT, rows, seed)
    return np.concatenate([counts for _, counts in blocks])


@pytest.mark.parametrize("rows", [30, 240])
def test_walks_that_stop_in_a_known_basin_lose_nothing(points: pl.DataFrame, rows: int) -> None:
    problem = prepare(points.sample(rows, seed=1), "chinchilla")
    u = solve(problem)[1]
    weights = resampled(problem)
    first = compiled.minimise(problem, np.repeat(u[None], COUNT, axis=0), weights)
    away = np.random.default_rng(0).standard_normal(first.u.shape) * first.u.std(axis=0)
    whole = compiled.minimise(problem, first.u + 0.5 * away, weights)
    short = compiled.minimise(problem, first.u + 0.5 * away, weights, known=first)
    best, kept = np.minimum(first.f, whole.f), np.minimum(first.f, short.f)
    assert np.mean(kept > best * (1 + 1e-6)) <= 1 / COUNT
    stopped = short.f == first.f
    assert stopped.mean() > 0.7
    np.testing.assert_array_equal(short.u[stopped], first.u[stopped])


def test_predicted_starts_are_nearer(points: pl.DataFrame) -> None:
    problem = prepare(points, "chinchilla")
    u = solve(problem)[1]
    weights = resampled(problem)
    ends = compiled.minimise(problem, np.repeat(u[None], COUNT, axis=0), weights).u
    root = np.linalg.inv(np.linalg.cholesky(np.cov(ends.T)))
    near = bootstrap._predicted(problem, u)(slice(0, COUNT), weights)
    left, whole = (np.median(np.linalg.norm((s - ends) @ root.T, axis=1)) for s in (near, u))
    assert left < 0.7 * whole


def test_predicted_starts_stay_where_a_parameter_has_no_scale(points: pl.DataFrame) -> None:
    problem = prepare(points, "chinchilla")
    axes = (replace(problem.space.axes[0], kind="real"), *problem.space.axes[1:])
    with mock.patch.object(problem.space, "axes", axes):
        starts = bootstrap._predicted(problem, np.arange(5.0))
    assert (starts(slice(0, 2), np.ones((2, 240))) == np.arange(5.0)).all()


def test_weights_kept_or_drawn_again_are_the_same(points: pl.DataFrame) -> None:
    problem = prepare(points, "chinchilla")
    u = solve(problem)[1]
    again = [bootstrap.resample(problem, u, np.arange(240), 50, 3)]
    with mock.patch.object(bootstrap, "KEPT", 0):
        again.append(bootstrap.resample(problem, u, np.arange(240), 50, 3))
    np.testing.assert_array_equal(again[0].u, again[1].u)


def test_numpy_and_compiled_resamples_agree(points: pl.DataFrame) -> None:
    problem = prepare(points, "chinchilla")
    u = solve(problem)[1]
    fast = bootstrap.resample(problem, u, np.arange(240), 60, 0)
    with mock.patch.object(bootstrap, "COMPILE_FROM", 10**15):
        slow = bootstrap.resample(problem, u, np.arange(240), 60, 0)
    np.testing.assert_allclose(fast.f, slow.f, rtol=1e-7)


DRAWS = """
import hashlib, sys
from benchmarks.fit_speed.points import chinchilla
import scaling
made = scaling.fit(chinchilla(), "chinchilla", resamples=300, cluster="row")
print(hashlib.sha256(made.theta.tobytes() + made.draws.tobytes()).hexdigest())
"""


def test_the_number_of_threads_changes_no_bit() -> None:
    found = set()
    for threads in ("1", "2"):
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
        # benchmarks.fit_speed would set one thread: the points come through a package of its own.
        code = DRAWS.replace("benchmarks.fit_speed.points", "points_alone")
        prelude = (
            "import importlib.util, sys\n"
            "spec = importlib.util.spec_from_file_location("
            "'points_alone', 'benchmarks/fit_speed/points.py')\n"
            "module = importlib.util.module_from_spec(spec)\n"
            "sys.modules['points_alone'] = module\n"
            "spec.loader.exec_module(module)\n"
        )
        env = {**os.environ, **dict.fromkeys(names, threads)}
        command = [sys.executable, "-c", prelude + code]
        made = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        found.add(made.stdout.strip())
    assert len(found) == 1 and len(found.pop()) == len(hashlib.sha256().hexdigest())


def test_both_kernels_have_the_same_derivatives() -> None:
    law = power_terms(3)
    runs = simulated(law, 0, count=60, noise=0.01)
    hidden = prepare(runs, without_terms(law))
    terms = replace(hidden, law=law, kernel=TermsKernel(law, hidden.x, hidden.space))
    tied = replace(hidden, kernel=GenericKernel(law, hidden.x, hidden.space, "log"))
    u = hidden.space.coordinates(np.array([[1.8, 30.0, 40.0, 50.0, 0.2, 0.25, 0.3]]))
    for second in (True, False):
        one, two, three = (p.evaluate(u, second=second) for p in (terms, hidden, tied))
        for other in (two, three):
            np.testing.assert_allclose(one.g, other.g, rtol=1e-9)
            np.testing.assert_allclose(one.hessian, other.hessian, rtol=1e-8, atol=1e-12)
            np.testing.assert_allclose(one.majoriser, other.majoriser, rtol=1e-9)


def test_the_plain_chain_equals_the_general_one() -> None:
    law = power_terms(2)
    problem = prepare(simulated(law, 0, count=50, noise=0.01), law)
    assert isinstance(problem.kernel, TermsKernel) and problem.kernel.plain
    u = solve(problem)[1][None]
    quick = problem.evaluate(u)
    with mock.patch.object(problem.kernel, "plain", False):
        slow = problem.evaluate(u)
    for a, b in ((quick.g, slow.g), (quick.hessian, slow.hessian), (quick.f, slow.f)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-18)


def test_the_search_finds_a_laws_basis_without_its_terms() -> None:
    law = power_terms(2)
    problem = prepare(simulated(law, 0, count=40), law)
    theta = np.array([[1.8, 3.0, 4.0, 0.1, 0.2], [1.0, 2.0, 2.0, 0.3, 0.4]])
    hidden = replace(problem, law=without_terms(law))
    np.testing.assert_allclose(_basis(problem, theta), _basis(hidden, theta), rtol=1e-10)


def test_the_search_looks_at_rows_that_have_weight(points: pl.DataFrame) -> None:
    problem = prepare(points, "chinchilla")
    weights = np.where(np.arange(240) % 13 == 0, 1.0, 0.0)
    alone = prepare(points.filter(weights > 0), "chinchilla")
    found = search(problem, weights)
    assert found.f[0] == pytest.approx(solve(alone)[0].objective, rel=1e-6)


def test_whole_steps_only_where_all_curve_upwards() -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((4, 3, 5))
    matrix, slope = root @ root.transpose(0, 2, 1), rng.standard_normal((4, 3))
    step, bent = newton._whole(matrix, slope)
    np.testing.assert_allclose(np.einsum("bij,bj->bi", matrix, step), -slope, rtol=1e-8)
    np.testing.assert_allclose(np.einsum("bi,bij,bj->b", step, matrix, step), bent)
    matrix[2] *= -1.0
    assert np.isnan(newton._whole(matrix, slope)[0]).all()


def test_polynomials_of_exp_and_log_are_exact_to_rounding() -> None:
    x = np.concatenate([np.linspace(-700, 700, 4001), np.linspace(-1, 1, 4001)])
    made = np.array([loops._exp(one) for one in x])
    assert (np.abs(made / np.exp(x) - 1.0) < 5e-16 + 4e-17 * np.abs(x)).all()
    positive = np.concatenate([np.exp(np.linspace(-600, 600, 4001)), np.linspace(0.5, 2, 4001)])
    logs, inverses = np.array([loops._log_and_inverse(one) for one in positive]).T
    np.testing.assert_allclose(logs, np.log(positive), rtol=5e-16, atol=1e-18)
    np.testing.assert_allclose(inverses, 1.0 / positive, rtol=1e-15)
