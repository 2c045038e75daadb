"""NIST's nonlinear regression sets: correct digits from both starts, beside SciPy.

    python -m benchmarks.nist

A set counts where the worst of its parameters has 6 digits right. Evaluations are of the model with
its derivatives (SciPy's count leaves out those that its differences take). SciPy is
`scipy.optimize.least_squares` from the same start, as it comes ("SciPy": method trf, derivatives by
differences) and at its best ("tuned": the engine's exact derivatives, x_scale="jac", tolerances of
1e-15, at most 2,000 evaluations). The count of disturbed starts is of points 10 % around NIST's.
Everything but the times is the same in each run.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from scaling.fitting.engine import prepare
from scaling.fitting.solver.newton import minimise
from scaling.fitting.solver.problem import Problem
from tests.support.nist_models import MODELS, Case, load

Array = NDArray[np.float64]
Solver = Callable[[Problem, Array], tuple[Array, int]]

DIGITS = 6.0
DISTURBED = 12  # points around each start
MOST = 2_000  # evaluations allowed to the tuned SciPy


def ours(problem: Problem, start: Array) -> tuple[Array, int]:
    """The engine's solver."""
    made = minimise(problem, start[None])
    return made.u[0], int(made.steps[0])


def scipy_default(problem: Problem, start: Array) -> tuple[Array, int]:
    """SciPy as it comes."""
    made = optimize.least_squares(_residuals(problem), start)
    return made.x, int(made.nfev)


def scipy_tuned(problem: Problem, start: Array) -> tuple[Array, int]:
    """SciPy with exact derivatives, scaled and to the last digit."""

    def jacobian(u: Array) -> Array:
        return problem.kernel.jacobian(u[None], slice(None), second=False)[1][0].T

    made = optimize.least_squares(
        _residuals(problem),
        start,
        jac=jacobian,
        x_scale="jac",
        ftol=1e-15,
        xtol=1e-15,
        gtol=1e-15,
        max_nfev=MOST,
    )
    return made.x, int(made.nfev)


def _residuals(problem: Problem) -> Callable[[Array], Array]:
    return lambda u: problem.predict(u[None])[0] - problem.y


SOLVERS: dict[str, Solver] = {"ours": ours, "SciPy": scipy_default, "tuned": scipy_tuned}


def problem_of(case: Case) -> Problem:
    """The case as the engine poses it."""
    return prepare(case.frame, case.law, target="y", objective=case.objective)


def run(case: Case, solver: Solver, number: int) -> tuple[float, int, float]:
    """Digits, evaluations and CPU milliseconds from NIST's start 1 or 2."""
    problem = problem_of(case)
    start = np.array([case.start(number)[name] for name in case.law.names])
    began = time.process_time()
    try:
        u, steps = solver(problem, start)
    except ValueError:  # SciPy refuses a start at which a residual is not finite
        return 0.0, 0, 0.0
    spent = 1e3 * (time.process_time() - began)
    return case.digits(dict(zip(case.law.names, u, strict=True))), steps, spent


def arrived(case: Case, number: int) -> int:
    """How many of the disturbed starts end at the certified sum of squares, all in one batch."""
    problem = problem_of(case)
    start = np.array([case.start(number)[name] for name in case.law.names])
    rng = np.random.default_rng(0)
    found = minimise(problem, start * (1 + 0.1 * rng.standard_normal((DISTURBED, len(start)))))
    least = case.facts["residual_sum_of_squares"]
    tolerance = 0.01 if case.name == "Lanczos1" else 1e-6
    return int(np.sum(np.abs(2.0 * found.f / least - 1.0) < tolerance))


def main() -> None:
    """Print the tables and the count."""
    warnings.simplefilter("ignore")
    print(f"{'':9}{'':8} start", *(f"{name:>8} digits  evals  CPU ms" for name in SOLVERS))
    reached = dict.fromkeys([(name, start) for name in SOLVERS for start in (1, 2)], 0)
    for case in map(load, MODELS):
        for start in (1, 2):
            cells = []
            for name, solver in SOLVERS.items():
                digits, steps, spent = run(case, solver, start)
                reached[name, start] += digits >= DIGITS
                cells.append(f"{digits:15.1f} {steps:6d} {spent:7.1f}")
            print(f"{case.name:9}{case.facts['level']:8} {start:5d}", *cells)
    print("\nStarts disturbed by 10 % that arrive, of", DISTURBED * len(MODELS))
    for start in (1, 2):
        print(f"start {start}: {sum(arrived(case, start) for case in map(load, MODELS))}")
    print(f"\nTo {DIGITS:g} digits:")
    for start in (1, 2):
        counts = ", ".join(f"{name} {reached[name, start]} of 27" for name in SOLVERS)
        print(f"start {start}: {counts}")


if __name__ == "__main__":
    main()
