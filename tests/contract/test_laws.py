"""Contract tests over the registry of laws: a new file is tested without writing a test."""

from __future__ import annotations

import contextlib
import importlib
import re

import numpy as np
import polars as pl
import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.data import column_of, law_inputs
from scaling.fitting.engine import fit, make_problem
from scaling.fitting.solver.kernels import GenericKernel, TermsKernel, centres
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.space import Space
from scaling.laws import Input, Law
from scaling.laws._surface import has_surface, is_allocation

ALL = list(laws.load().values())
# Laws that bind to a table or bring their own procedure are tested on the table of their example.
LAWS = [law for law in ALL if law.bind is None and law.estimate is None]
OWN = [law for law in ALL if law not in LAWS]
every = pytest.mark.parametrize("law", ALL, ids=lambda law: law.name)
every_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
own_law = pytest.mark.parametrize("law", OWN, ids=lambda law: law.name)


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
    return {one.name: _sample(one, rows, rng) for one in law.all_inputs}


def _sample(one: Input, rows: int, rng: np.random.Generator) -> np.ndarray:
    if one.values:
        return rng.integers(0, len(one.values), rows).astype(float)
    low, high = one.typical
    if low > 0:
        return np.exp(rng.uniform(np.log(low), np.log(high), rows))
    return rng.uniform(low, high, rows)


def problem_of(law: Law, x: dict[str, np.ndarray]):
    y = law(typical(law, count=1), x)[0]
    space = Space(law, centres=centres(law, x))
    aim = Objective(delta=0.1, link=law.link)
    return make_problem(pl.DataFrame({**x, "loss": y}), law, x, "loss", aim, None, space)


@every
def test_page_is_complete(law: Law) -> None:
    for text in (law.title, law.formula, law.citation, law.assumes, law.fails):
        assert text.strip()
    assert len(set(law.names)) == len(law.names)
    assert set(law.linear) <= set(law.names)
    for one in law.published:
        assert set(one.values) <= set(law.names) and one.citation and one.data
        assert re.fullmatch(r"[a-z]+\d{4}(-[a-z0-9-]+)?", one.key) and one.paper[-4:] > "2000"
        # A plan shows what is known to be wrong with the constants.
        assert one.caveat or not (has_surface(law) or is_allocation(law))
    keys = [one.key for one in law.published]
    assert len(set(keys)) == len(keys)
    assert {one.name for one in law.needs if not one.only_fit} <= set(law.inputs)
    assert set(law.monotone) <= set(law.inputs)
    page = importlib.import_module(f"scaling.laws.{law.name}").__doc__ or ""
    assert len(page) > 100 and ("arXiv" in page or "Source" in page)
    assert (law.example is None) == (law.bind is None and law.estimate is None)


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


def _reach(one: Input) -> np.ndarray:
    """From 1 to 1e30, as far as the law allows."""
    if one.values:
        return np.zeros(31)
    if one.high < 1e30:
        low = max(one.low, one.typical[0])
        return (
            np.linspace(low, min(one.high, 1e30), 31)
            if one.high < 1e6
            else np.geomspace(max(low, 1.0), one.high, 31)
        )
    return np.geomspace(1.0, 1e30, 31)


@every_law
def test_no_overflow_from_1_to_1e30(law: Law) -> None:
    x = {one.name: _reach(one) for one in law.all_inputs}
    with np.errstate(all="raise", under="ignore"):
        value = law(typical(law, count=8), x)
    assert np.isfinite(value).all()


@every_law
def test_stays_within_its_span_and_goes_its_way(law: Law) -> None:
    theta = typical(law, count=16)
    x = sample_inputs(law)
    value = law(theta, x)
    assert (value >= law.span[0]).all() and (value <= law.span[1]).all()
    for name, way in law.monotone.items():
        more = law(theta, {**x, name: x[name] * 1.5})
        assert (way * (more - value) >= -1e-12 * np.abs(value)).all(), name


@every_law
def test_recovers_the_truth_from_simulated_runs(law: Law) -> None:
    rng = np.random.default_rng(7)
    x = sample_inputs(law, rows=120)
    truth = typical(law, seed=5, count=1)
    aim = Objective(link=law.link, delta=0.003 if law.link == "log" else law.delta)
    y = _noisy(law, law(truth, x)[0], rng)
    made = fit(pl.DataFrame({**x, "loss": y}), law, objective=aim)
    _close(law, made.predict(x), law(truth, x)[0], 0.005)
    fresh = sample_inputs(law, rows=50, seed=9)
    _close(law, made.predict(fresh), law(truth, fresh)[0], 0.01)


def _noisy(law: Law, value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = 0.002 * rng.standard_normal(len(value))
    if law.link == "log":
        return value * np.exp(noise)
    if law.link == "linear":
        return value + noise * np.ptp(value)
    return 1.0 / (1.0 + np.exp(-(np.log(value) - np.log1p(-value) + 10 * noise)))


def _close(law: Law, found: np.ndarray, truth: np.ndarray, part: float) -> None:
    scale = 0.0 if law.link == "log" else part * np.ptp(truth)
    np.testing.assert_allclose(found, truth, rtol=part, atol=scale)


@own_law
def test_own_procedure_finds_what_made_the_table(law: Law) -> None:
    assert law.example is not None
    runs, truth = law.example(np.random.default_rng(3))
    made = fit(runs, law, resamples=20, target=law.target)
    found = {name: made.values[name] for name in truth}
    assert truth and found == pytest.approx(dict(truth), rel=0.1)
    assert np.isfinite(made.theta).all() and len(made.draws) >= 10
    x = law_inputs(runs, made.law, to_fit=False)
    one_by_one = np.concatenate([made.law(theta[None], x) for theta in made.draws[:4]])
    np.testing.assert_array_equal(made.law(made.draws[:4], x), one_by_one)


@every
def test_refuses_values_outside_its_domain(law: Law) -> None:
    frame = pl.DataFrame({**sample_inputs(law, rows=12), "loss": np.full(12, 0.5)})
    if law.example is not None:
        frame = law.example(np.random.default_rng(3))[0]
    law = law.bound(frame, law.target)
    for one in law.all_inputs:
        column = column_of(one, frame.columns)
        if column is None or one.read is not None or one.low == -float("inf"):
            continue
        wrong = pl.lit("nonsense") if one.values else pl.lit(one.low - 1.0)
        with pytest.raises(InputError, match=column):
            law_inputs(frame.with_columns(wrong.alias(column)), law)


@every
def test_a_table_without_an_input_is_refused_or_the_default_taken(law: Law) -> None:
    x = {name: one for name, one in sample_inputs(law, rows=12).items() if name != "x"}
    frame = pl.DataFrame({**x, "loss": np.full(12, 0.5)})
    if law.example is not None:
        frame = law.example(np.random.default_rng(3))[0]
    for column in frame.columns:
        lacks = frame.drop(column)
        with contextlib.suppress(InputError):
            law_inputs(lacks, law.bound(lacks, law.target))


def test_unknown_law_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'chinchilla'"):
        laws.get("chinchila")
