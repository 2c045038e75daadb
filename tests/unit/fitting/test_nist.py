"""NIST's nonlinear regression sets: certified values to 6 digits from both starts, no exception."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import scaling
from scaling.fitting.certificate import FLAT, certify
from scaling.fitting.engine import prepare
from scaling.fitting.result import Outcome
from scaling.fitting.solver.newton import MAX_STEPS, minimise
from scaling.fitting.solver.problem import Problem
from scaling.fitting.uncertainty.sandwich import natural_errors, plain_covariance
from tests.support.nist_models import MODELS, Case, load

DIGITS = 6.0
every_set = pytest.mark.parametrize("name", MODELS)


def problem_of(case: Case) -> Problem:
    return prepare(case.frame, case.law, target="y", objective=case.objective)


def certified_point(case: Case, problem: Problem) -> np.ndarray:
    return problem.space.coordinates(np.array([[case.certified[b] for b in case.law.names]]))


def relative_to_rounding(case: Case) -> float:
    """Relative error allowed to a sum of squares: Lanczos1's, 1e-25, is rounding itself."""
    return 0.01 if case.name == "Lanczos1" else 1e-9


def test_there_are_27_sets_with_the_rows_nist_counts() -> None:
    assert len(MODELS) == len({case.law.name for case in map(load, MODELS)}) == 27
    for case in map(load, MODELS):
        assert case.frame.height == case.facts["rows"]
        assert case.facts["degrees_of_freedom"] == case.frame.height - len(case.law.params)


@every_set
def test_data_and_formula_give_the_certified_sum_of_squares(name: str) -> None:
    case = load(name)
    problem = problem_of(case)
    made = 2.0 * problem.value(certified_point(case, problem))[0]
    # Certified parameters have 11 digits, too few for residuals of 1e-13 (Lanczos1).
    expected = case.facts["residual_sum_of_squares"]
    assert made == pytest.approx(expected, rel=1e-8, abs=1e-20)


@pytest.mark.parametrize("start", [1, 2])
@every_set
def test_certified_values(name: str, start: int) -> None:
    case = load(name)
    made = scaling.fit(
        case.frame,
        case.law,
        target="y",
        objective=case.objective,
        start=case.start(start),
        resamples=0,
    )
    assert case.digits(made.values) >= DIGITS
    least = case.facts["residual_sum_of_squares"]
    assert 2.0 * made.objective == pytest.approx(least, rel=relative_to_rounding(case))
    seen = made.certificate
    assert seen.starts == 1 and seen.objective == pytest.approx(made.objective, rel=0.01)
    assert seen.smallest_eigenvalue > 0 and np.isfinite(seen.condition)


@every_set
def test_certified_standard_deviations(name: str) -> None:
    # s^2 (J'J)^-1 with s^2 = sum of squares / (n - p); J'J is the upper quadratic's matrix.
    case = load(name)
    problem = problem_of(case)
    found = minimise(problem, certified_point(case, problem))
    gram = problem.evaluate(found.u).majoriser[0]
    unit = 1.0 / np.sqrt(np.diag(gram))
    spread = 2.0 * found.f[0] / case.facts["degrees_of_freedom"]
    made = unit * np.sqrt(np.diag(np.linalg.inv(gram * np.outer(unit, unit))) * spread)
    tolerance = max(1e-6, relative_to_rounding(case))
    assert made.tolist() == pytest.approx(list(case.facts["certified_sd"].values()), rel=tolerance)


@every_set
def test_standard_errors_as_reported(name: str) -> None:
    case = load(name)
    problem = problem_of(case)
    u = minimise(problem, certified_point(case, problem)).u
    errors = natural_errors(problem, u, plain_covariance(problem, u))
    tolerance = max(1e-6, relative_to_rounding(case))
    certified = list(case.facts["certified_sd"].values())
    assert errors.tolist() == pytest.approx(certified, rel=tolerance)


@pytest.mark.parametrize("start", [1, 2])
@every_set
def test_a_right_fit_is_called_right(name: str, start: int) -> None:
    case = load(name)
    made = scaling.fit(
        case.frame,
        case.law,
        target="y",
        objective=case.objective,
        start=case.start(start),
        resamples=0,
    )
    # 11 rows leave b2 of MGH09 at .191 with a certified standard deviation of .196, ten times
    # what it would be with b3 and b4 known: a valley, and the only one of the 27.
    valley = name == "MGH09"
    assert made.outcome is (Outcome.NOT_IDENTIFIED if valley else Outcome.CONVERGED), made.reason
    assert not valley or "b2" in made.certificate.weakest


@pytest.mark.parametrize("name", ["BoxBOD", "MGH10", "Nelson", "Rat43"])
def test_both_starts_at_once_as_one_by_one(name: str) -> None:
    case = load(name)
    problem = problem_of(case)
    starts = [[case.start(k)[b] for b in case.law.names] for k in (1, 2)]
    u = problem.space.coordinates(np.array(starts))
    both, apart = minimise(problem, u), [minimise(problem, row[None]) for row in u]
    assert both.steps.max() < MAX_STEPS
    # The batch takes up second derivatives when its first member needs them: paths may differ.
    np.testing.assert_allclose(both.u, np.concatenate([m.u for m in apart]), rtol=1e-6)


@pytest.mark.parametrize("name", ["Misra1a", "BoxBOD", "MGH10", "Eckerle4"])
def test_units_of_a_parameter_do_not_matter(name: str) -> None:
    case = load(name)
    big = 2.0**30

    def predict(p: object, x: object) -> object:
        return case.law.predict(Rescaled(p, big), x)

    law = replace(case.law, predict=predict)
    other = replace(case, law=law)
    plain, scaled = problem_of(case), problem_of(other)
    theta = np.array([[case.start(1)[b] for b in case.law.names]])
    shift = np.where(np.array(case.law.names) == "b1", big, 1.0)
    one, two = minimise(plain, theta), minimise(scaled, theta * shift)
    assert one.steps[0] == two.steps[0]
    np.testing.assert_allclose(two.u / shift, one.u, rtol=1e-6)
    seen, same = (certify(p, m, 0)[0] for p, m in ((plain, one), (scaled, two)))
    assert same.weakest_sd == pytest.approx(seen.weakest_sd, rel=1e-6)
    assert same.weakest == seen.weakest
    assert same.smallest_eigenvalue == pytest.approx(seen.smallest_eigenvalue, rel=1e-6)
    assert max(same.gradient, seen.gradient) < FLAT


class Rescaled:
    """Parameters with b1 in a unit that is smaller by a factor."""

    def __init__(self, p: object, factor: float) -> None:
        self.p, self.factor = p, factor

    def __getattr__(self, name: str) -> object:
        value = getattr(self.p, name)
        return value / self.factor if name == "b1" else value
