"""Where fits start: near the optimum with few parameters and with many."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fit_speed.points import power_terms, simulated, without_terms
from scaling.fitting.engine import prepare, solve
from scaling.fitting.result import Outcome
from scaling.fitting.solver.newton import minimise
from scaling.fitting.solver.search import POLISHED, starts

TERMS = (1, 2, 3, 4, 5)


@pytest.mark.parametrize("hidden", [False, True], ids=["power terms", "any law"])
@pytest.mark.parametrize("terms", TERMS)
def test_starts_arrive_in_as_many_steps_with_many_parameters(terms: int, hidden: bool) -> None:
    law = power_terms(terms)
    problem = prepare(simulated(law, 0), without_terms(law) if hidden else law)
    begin = starts(problem)
    found = minimise(problem, begin)
    assert begin.shape == (POLISHED, len(law.params))
    assert found.f.max() <= found.f.min() * (1 + 1e-9)  # every start arrives
    assert np.median(problem.value(begin)) <= 1.5 * found.f.min()
    assert found.steps.mean() <= 9.0  # 11 to 22 before starts descended


@pytest.mark.parametrize("terms", TERMS)
def test_starts_stay_in_their_ranges_and_repeat(terms: int) -> None:
    # Losses without any trend: exponents would run away.
    law = power_terms(terms)
    runs = simulated(law, 0, count=60)
    runs = runs.with_columns(runs["loss"].shuffle(seed=1))
    problem = prepare(runs, law)
    begin = starts(problem)
    exponents = problem.space.theta(begin)[:, terms + 1 :]
    low, high = law.params[-1].start
    assert (exponents >= low * (1 - 1e-9)).all() and (exponents <= high * (1 + 1e-9)).all()
    assert starts(prepare(runs, law)).tobytes() == begin.tobytes()


def test_a_tied_or_fixed_exponent_stays_so_while_starts_descend() -> None:
    law = power_terms(3)
    runs = simulated(law, 0)
    problem = prepare(runs, law, tied={"gamma_b": "gamma_a"}, fixed={"gamma_c": 0.4})
    theta = problem.space.theta(starts(problem))
    np.testing.assert_array_equal(theta[:, 5], theta[:, 4])
    np.testing.assert_array_equal(theta[:, 6], 0.4)
    made, _ = solve(problem)
    assert made.outcome is Outcome.CONVERGED and made.certificate.starts_agreeing == 1.0
