"""NIST's nonlinear regression sets: correct digits from both starts, beside SciPy.

    python -m benchmarks.nist

SciPy is `scipy.optimize.least_squares` with its defaults from the same start.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from scipy import optimize

import scaling
from tests.nist_models import MODELS, Case, load


def ours(case: Case, start: int) -> tuple[float, float]:
    """Digits and CPU milliseconds of the engine."""
    began = time.process_time()
    made = scaling.fit(
        case.frame, case.law, target="y", objective=case.objective, start=case.start(start)
    )
    return case.digits(made.values), 1e3 * (time.process_time() - began)


def theirs(case: Case, start: int) -> tuple[float, float]:
    """Digits and CPU milliseconds of SciPy."""
    x = {name: case.frame[name].to_numpy() for name in case.law.inputs}
    y = case.objective.to_link(case.frame["y"].to_numpy().astype(float))

    def residuals(theta: np.ndarray) -> np.ndarray:
        value = case.law(theta[None], x)[0]
        return (np.log(value) if case.objective.link == "log" else value) - y

    begin = np.array(list(case.start(start).values()))
    began = time.process_time()
    try:
        found = optimize.least_squares(residuals, begin).x
    except ValueError:
        found = begin
    values = dict(zip(case.law.names, found, strict=True))
    return case.digits(values), 1e3 * (time.process_time() - began)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    reached = np.zeros((2, 2), dtype=int)
    print("| set | level | start | digits | CPU ms | SciPy digits | SciPy CPU ms |")
    print("|---|---|---|---|---|---|---|")
    for name in MODELS:
        case = load(name)
        for start in (1, 2):
            (d1, t1), (d2, t2) = ours(case, start), theirs(case, start)
            reached[start - 1] += (d1 >= 6, d2 >= 6)
            level = case.facts["level"]
            print(f"| {name} | {level} | {start} | {d1:.1f} | {t1:.0f} | {d2:.1f} | {t2:.0f} |")
    for start in (1, 2):
        a, b = reached[start - 1]
        print(f"\nStart {start}: {a} of 27 to 6 digits; SciPy {b} of 27.")


if __name__ == "__main__":
    main()
