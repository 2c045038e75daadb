"""What every law file must hold, checked on the law itself: the registry's tests and
`scaling discover --save` run these.

Tables are simulated: inputs from their typical ranges, parameters from the middle half of their
search ranges, runs with 0.2 % noise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import column_of, law_inputs
from scaling.fitting.engine import fit, make_problem
from scaling.fitting.solver.kernels import GenericKernel, TermsKernel, centres
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.problem import Problem
from scaling.fitting.solver.space import Space
from scaling.laws import Input, Law
from scaling.laws._questions import QUESTIONS
from scaling.laws._surface import has_surface, is_allocation

# Shortest text that says formula and source, in characters.
SHORTEST_PAGE = 100


def typical(law: Law, seed: int = 0, count: int = 4) -> Array:
    """Parameters (count, K) in the middle half of the search ranges."""
    rng = np.random.default_rng(seed)
    columns = []
    for param in law.params:
        low, high = param.start
        part = rng.uniform(0.25, 0.75, count)
        logs = param.domain == "positive" and low > 0
        columns.append(low * (high / low) ** part if logs else low + (high - low) * part)
    return np.stack(columns, axis=1)


def sample_inputs(law: Law, rows: int = 40, seed: int = 1) -> dict[str, Array]:
    """Inputs (rows,) in their typical ranges."""
    rng = np.random.default_rng(seed)
    return {one.name: _sample(one, rows, rng) for one in law.all_inputs}


def noisy(law: Law, value: Array, rng: np.random.Generator) -> Array:
    """Runs about what a law predicts, with 0.2 % noise on its own scale."""
    noise = 0.002 * rng.standard_normal(len(value))
    if law.link == "log":
        return np.asarray(value * np.exp(noise))
    if law.link == "linear":
        return np.asarray(value + noise * np.ptp(value))
    return np.asarray(1.0 / (1.0 + np.exp(-(np.log(value) - np.log1p(-value) + 10 * noise))))


def page_is_complete(law: Law) -> None:
    """Formula, citation, assumptions and a docstring with the source; names that agree."""
    for text in ("title", "formula", "citation", "assumes", "fails"):
        _need(bool(getattr(law, text).strip()), f"{text} is empty")
    _need(len(set(law.names)) == len(law.names), "two parameters have one name")
    _need(law.question in QUESTIONS, f"question is not one of {', '.join(QUESTIONS)}")
    _need(set(law.linear) <= set(law.names), "linear names what is no parameter")
    for one in law.published:
        _need(set(one.values) <= set(law.names), "published names what is no parameter")
        _need(bool(one.citation and one.data), "published lacks a citation or its data")
        named = re.fullmatch(r"[a-z]+\d{4}(-[a-z0-9-]+)?", one.key) and one.paper[-4:] > "2000"
        _need(bool(named), f"published set {one.key} is not named as author2024")
        # A plan shows what is known to be wrong with the constants.
        plans = has_surface(law) or is_allocation(law)
        _need(bool(one.caveat) or not plans, f"published set {one.key} has no caveat")
    keys = [one.key for one in law.published]
    _need(len(set(keys)) == len(keys), "two published sets have one key")
    asked = {one.name for one in law.needs if not one.only_fit}
    _need(asked <= set(law.inputs), "needs names what is no input")
    _need(set(law.monotone) <= set(law.inputs), "monotone names what is no input")
    page = laws.page(law)
    _need(
        len(page) > SHORTEST_PAGE and ("arXiv" in page or "Source" in page),
        "the docstring lacks the formula or a source (arXiv or Source)",
    )
    own = law.bind is not None or law.estimate is not None
    _need(
        (law.example is not None) == own, "a law with bind or estimate, and no other, has example"
    )


def transform_round_trips(law: Law) -> None:
    """Parameters survive the way to the solver's coordinates and back."""
    x = sample_inputs(law)
    space = Space(law, centres=centres(law, x))
    theta = typical(law)
    _near(space.theta(space.coordinates(theta)), theta, 1e-9)


def batch_equals_loop(law: Law) -> None:
    """Many parameter sets at once give the same bits as one at a time."""
    x, theta = sample_inputs(law), typical(law)
    one_by_one = np.concatenate([law(row[None], x) for row in theta])
    _need(np.array_equal(law(theta, x), one_by_one), "a batch differs from a loop")


def derivatives_match_differences(law: Law) -> None:
    """Gradient and Hessian agree with central differences."""
    problem = _problem_of(law, sample_inputs(law))
    u = problem.space.coordinates(typical(law, seed=3, count=1)) + 0.01
    at = problem.evaluate(u)
    h = 1e-5
    steps = h * np.eye(problem.space.size)
    slopes = [(problem.value(u + s) - problem.value(u - s))[0] / (2 * h) for s in steps]
    _near(at.g[0], np.array(slopes), 1e-5, 1e-7 * float(np.abs(at.g).max()) + 1e-9)
    bends = [(problem.evaluate(u + s).g - problem.evaluate(u - s).g)[0] / (2 * h) for s in steps]
    _near(at.hessian[0], np.array(bends), 1e-4, 2e-4 * float(np.abs(at.hessian).max()) + 1e-9)


def terms_equal_predict(law: Law) -> None:
    """The sum of ``terms`` is what ``predict`` says."""
    if not law.terms:
        return
    x = sample_inputs(law)
    space = Space(law, centres=centres(law, x))
    u = space.coordinates(typical(law))
    fast = TermsKernel(law, x, space).eta(u, slice(None))
    _near(np.exp(fast), law(space.theta(u), x), 1e-11)
    plain = GenericKernel(law, x, Space(law), "log")
    _near(fast, plain.eta(Space(law).coordinates(space.theta(u)), slice(None)), 1e-7)


def no_overflow(law: Law) -> None:
    """Finite from 1 to 1e30, as far as the law allows."""
    x = {one.name: _reach(one) for one in law.all_inputs}
    with np.errstate(all="raise", under="ignore"):
        value = law(typical(law, count=8), x)
    _need(bool(np.isfinite(value).all()), "not finite between 1 and 1e30")


def span_and_direction_hold(law: Law) -> None:
    """Predictions stay in ``span`` and move as ``monotone`` says."""
    theta = typical(law, count=16)
    x = sample_inputs(law)
    value = law(theta, x)
    inside = (value >= law.span[0]).all() and (value <= law.span[1]).all()
    _need(bool(inside), f"predicts outside its span {law.span}")
    for name, way in law.monotone.items():
        more = law(theta, {**x, name: x[name] * 1.5})
        rises = (way * (more - value) >= -1e-12 * np.abs(value)).all()
        _need(bool(rises), f"does not move with {name} as monotone says")


def truth_is_recovered(law: Law) -> None:
    """A fit to simulated runs predicts what they came from: 0.5 % there, 1 % at other inputs."""
    rng = np.random.default_rng(7)
    x = sample_inputs(law, rows=120)
    truth = typical(law, seed=5, count=1)
    aim = Objective(link=law.link, delta=0.003 if law.link == "log" else law.delta)
    y = noisy(law, law(truth, x)[0], rng)
    table = pl.DataFrame({**x, "loss": y})
    made = fit(table, law, objective=aim, inputs={name: name for name in law.inputs})
    fresh = sample_inputs(law, rows=50, seed=9)
    for at, part in ((x, 0.005), (fresh, 0.01)):
        value = law(truth, at)[0]
        exact = 0.0 if law.link == "log" else part * float(np.ptp(value))
        _near(made.predict(at), value, part, exact)


def refuses_values_outside_its_domain(law: Law) -> None:
    """A value that an input may not have is an error that names its column."""
    frame = _table_for(law, {**sample_inputs(law, rows=12), "loss": np.full(12, 0.5)})
    law = law.bound(frame, law.target)
    for one in law.all_inputs:
        column = column_of(one, frame.columns)
        if column is None or one.read is not None or one.low == -float("inf"):
            continue
        wrong = pl.lit("nonsense") if one.values else pl.lit(one.low - 1.0)
        try:
            law_inputs(frame.with_columns(wrong.alias(column)), law)
        except InputError as error:
            _need(column in str(error), f"the error of a bad {column} does not name it")
        else:
            _need(False, f"takes a bad {column}")


def missing_inputs_are_refused_or_default(law: Law) -> None:
    """Without a column: an InputError, or the default."""
    x = {name: one for name, one in sample_inputs(law, rows=12).items() if name != "x"}
    frame = _table_for(law, {**x, "loss": np.full(12, 0.5)})
    for column in frame.columns:
        lacks = frame.drop(column)
        try:
            law_inputs(lacks, law.bound(lacks, law.target))
        except InputError:
            continue


# Of every law; and of those that the solver fits as they stand.
EVERY: tuple[Callable[[Law], None], ...] = (
    page_is_complete,
    refuses_values_outside_its_domain,
    missing_inputs_are_refused_or_default,
)
FORMULAS: tuple[Callable[[Law], None], ...] = (
    transform_round_trips,
    batch_equals_loop,
    derivatives_match_differences,
    terms_equal_predict,
    no_overflow,
    span_and_direction_hold,
    truth_is_recovered,
)


def check(law: Law) -> None:
    """Hold a formula to the contract.

    Raises:
        InputError: it does not keep it; the message names the law and what is wrong.
    """
    for one in (*EVERY, *FORMULAS):
        try:
            with np.errstate(all="ignore"):
                one(law)
        except (InputError, ArithmeticError, ValueError) as error:
            does_not = one.__name__.replace("_", " ")
            raise InputError(f"the law {law.name} fails the check '{does_not}': {error}") from error


def _need(holds: bool, problem: str) -> None:
    if not holds:
        raise InputError(problem)


def _near(found: Array, expected: Array, rtol: float, atol: float = 0.0) -> None:
    """Refuse numbers that are further apart than ``atol`` + ``rtol`` of the expected."""
    off = np.abs(found - expected) - (atol + rtol * np.abs(expected))
    if not (off <= 0).all():
        at = np.unravel_index(int(np.nanargmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        raise InputError(
            "numbers disagree", value=float(found[at]), allowed=f"{float(expected[at]):.8g}"
        )


def _sample(one: Input, rows: int, rng: np.random.Generator) -> Array:
    if one.values:
        return np.asarray(rng.integers(0, len(one.values), rows).astype(float))
    low, high = one.typical
    if low > 0:
        return np.asarray(np.exp(rng.uniform(np.log(low), np.log(high), rows)))
    return np.asarray(rng.uniform(low, high, rows))


def _problem_of(law: Law, x: dict[str, Array]) -> Problem:
    y = law(typical(law, count=1), x)[0]
    space = Space(law, centres=centres(law, x))
    aim = Objective(delta=0.1, link=law.link)
    return make_problem(pl.DataFrame({**x, "loss": y}), law, x, "loss", aim, None, space)


def _reach(one: Input) -> Array:
    """From 1 to 1e30, as far as the law allows."""
    if one.values:
        return np.zeros(31)
    if one.high >= 1e30:
        return np.geomspace(1.0, 1e30, 31)
    low = max(one.low, one.typical[0])
    if one.high < 1e6:
        return np.linspace(low, one.high, 31)
    return np.geomspace(max(low, 1.0), one.high, 31)


def _table_for(law: Law, columns: Mapping[str, Array]) -> pl.DataFrame:
    """The law's own example, or these columns."""
    if law.example is not None:
        return law.example(np.random.default_rng(3))[0]  # type: ignore[no-any-return]
    return pl.DataFrame(dict(columns))
