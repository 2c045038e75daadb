"""Coverage, pass@k: the share of problems that one of k attempts solves.

    c(k) = exp(-a k**-b)

k attempts a problem, c the share of problems with at least one success. -ln c is a power of k where
the chances of single problems have a power-law tail at 0: if their density is like p^(b-1), the
exponent is b.

Sources: Brown et al. 2024, "Large Language Monkeys", arXiv:2407.21787, equation 3; Schaeffer et al.
2025, arXiv:2502.17578, for the tail. Take c from counts by `pass_at_k`, which has no bias. Tested
on simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Share of problems solved by one of k attempts."""
    value: Array = np.exp(-p.a * x.attempts**-p.b)
    return value


def pass_at_k(trials: Array, successes: Array, k: int) -> float:
    """Mean over problems of 1 - C(n - c, k)/C(n, k), for n trials with c successes, k <= n.

    Source: Chen et al. 2021, arXiv:2107.03374, section 2.1; as a product, so that no binomial
    overflows.

    Raises:
        InputError: a problem with fewer trials than k.
    """
    if k > np.min(trials):
        least = f"1 to {int(np.min(trials))}, the fewest trials of a problem"
        raise InputError("too many attempts for pass@k", value=k, allowed=least)
    steps = np.arange(k)
    left = np.asarray(trials - successes)[:, None] - steps
    fails = np.prod(np.maximum(left, 0) / (np.asarray(trials)[:, None] - steps), axis=1)
    return float(np.mean(1.0 - fails))


LAW = Law(
    name="coverage",
    title="Coverage of repeated attempts (pass@k)",
    formula="c = exp(-a k^-b)",
    citation="Brown et al. 2024, arXiv:2407.21787, equation 3",
    params=(
        Param("a", "1", "-ln of the share solved at one attempt", start=(0.3, 5.0)),
        Param("b", "1", "exponent of attempts", start=(0.1, 0.8)),
    ),
    inputs=("attempts",),
    predict=predict,
    target="accuracy",
    link="linear",
    delta=1e-2,
    span=(0.0, 1.0),
    monotone={"attempts": 1},
    needs=(
        Input(
            "attempts",
            "attempts",
            "k, attempts a problem",
            low=1.0,
            open_low=False,
            typical=(1.0, 1e4),
        ),
    ),
    kinds=("accuracy", "score"),
    question="attempts",
    assumes="one model and set of problems; answers that can be checked; unbiased pass@k",
    fails="k near the number of trials; problems that no attempt solves, which set a ceiling",
    simulated=True,
)
