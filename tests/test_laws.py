"""Contract tests over the registry of laws: a new file is tested without writing a test."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.fit.engine import fit, make_problem
from scaling.fit.kernels import GenericKernel, TermsKernel, centres
from scaling.fit.objective import Objective
from scaling.fit.space import Space
from scaling.laws import Law

LAWS = list(laws.load().values())
every_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)


def typical(law: Law, seed: int = 0, count: int = 4) -> np.ndarray:
    """Parameters in the middle half of the search ranges."""
    rng = np.random.default_rng(seed)
    columns = []
    for param in law.params:
        low, high = param.start
        part = rng.uniform(0.25, 0.75, count)
        logs = param.domain == "positive" and low > 0
        columns.append(low * (high / low) ** part if logs else low + (high - low) * part)
    return np.stack(columns, axis=1)


def sample_inputs(law: Law, rows: int = 40, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: np.exp(rng.uniform(np.log(1e8), np.log(1e11), rows)) for name in law.inputs}


def problem_of(law: Law, x: dict[str, np.ndarray]):
    y = law(typical(law, count=1), x)[0]
    frame = pl.DataFrame({**x, "loss": y})
    space = Space(law, centres=centres(law, x))
    return make_problem(frame, law, x, "loss", Objective(delta=0.1), None, space)


@every_law
def test_page_is_complete(law: Law) -> None:
    for text in (law.title, law.formula, law.citation, law.assumes, law.fails):
        assert text.strip()
    assert len(set(law.names)) == len(law.names)
    assert set(law.linear) <= set(law.names)
    for one in law.published:
        assert set(one.values) <= set(law.names) and one.citation and one.data


@every_law
def test_transform_round_trip(law: Law) -> None:
    x = sample_inputs(law)
    space = Space(law, centres=centres(law, x))
    theta = typical(law)
    np.testing.assert_allclose(space.theta(space.coordinates(theta)), theta, rtol=1e-9)


@every_law
def test_batch_equals_loop(law: Law) -> None:
    x, theta = sample_inputs(law), typical(law)
    one_by_one = np.concatenate([law(row[None], x) for row in theta])
    np.testing.assert_array_equal(law(theta, x), one_by_one)


@every_law
def test_derivatives_match_finite_differences(law: Law) -> None:
    problem = problem_of(law, sample_inputs(law))
    u = problem.space.coordinates(typical(law, seed=3, count=1)) + 0.01
    at = problem.evaluate(u)
    h = 1e-5
    steps = h * np.eye(problem.space.size)
    slopes = [(problem.value(u + s) - problem.value(u - s))[0] / (2 * h) for s in steps]
    scale = np.abs(at.g).max()
    np.testing.assert_allclose(at.g[0], slopes, rtol=1e-5, atol=1e-7 * scale + 1e-9)
    bends = [(problem.evaluate(u + s).g - problem.evaluate(u - s).g)[0] / (2 * h) for s in steps]
    size = np.abs(at.hessian).max()
    np.testing.assert_allclose(at.hessian[0], bends, rtol=1e-4, atol=2e-4 * size + 1e-9)


@every_law
def test_terms_say_what_predict_says(law: Law) -> None:
    if not law.terms:
        return
    x = sample_inputs(law)
    space = Space(law, centres=centres(law, x))
    u = space.coordinates(typical(law))
    fast = TermsKernel(law, x, space).eta(u, slice(None))
    np.testing.assert_allclose(np.exp(fast), law(space.theta(u), x), rtol=1e-11)
    plain = GenericKernel(law, x, Space(law), "log")
    np.testing.assert_allclose(fast, plain.eta(Space(law).coordinates(space.theta(u)), slice(None)))


@every_law
def test_no_overflow_from_1_to_1e30(law: Law) -> None:
    x = {name: np.geomspace(1.0, 1e30, 31) for name in law.inputs}
    with np.errstate(all="raise", under="ignore"):
        value = law(typical(law, count=8), x)
    assert np.isfinite(value).all()


@every_law
def test_recovers_the_truth_from_simulated_runs(law: Law) -> None:
    rng = np.random.default_rng(7)
    x = sample_inputs(law, rows=120)
    truth = typical(law, seed=5, count=1)
    y = law(truth, x)[0] * np.exp(0.002 * rng.standard_normal(120))
    made = fit(pl.DataFrame({**x, "loss": y}), law, objective=Objective(delta=0.003))
    np.testing.assert_allclose(made.predict(x), law(truth, x)[0], rtol=0.005)
    fresh = sample_inputs(law, rows=50, seed=9)
    np.testing.assert_allclose(made.predict(fresh), law(truth, fresh)[0], rtol=0.01)


def test_unknown_law_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'chinchilla'"):
        laws.get("chinchila")
