"""Pass@k by training compute and attempts together.

    ln(-ln q) = c0 + c1 ln C + c2 ln k + c3 ln C ln k

C training FLOP at a fixed ratio of tokens to params, k attempts a problem, q the share of problems
with at least one success. At one C it is `coverage`; c3 says how far a larger model gains more, or
less, from attempts.

Source: Krajewski et al. 2025, "Revisiting the Scaling Properties of Downstream Metrics in Large
Language Model Training", arXiv:2512.08894, equation 5. Tested on simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param

# Compute from which ln C is counted, so that c0 and c2 are those of a run within usual studies.
CENTRE = np.log(1e21)
# Logarithm of -ln q beyond which q is 0 to double precision.
MOST = 6.6


def predict(p: Any, x: Any) -> Array:
    """Share of problems solved by one of k attempts."""
    size, tries = np.log(x.flops) - CENTRE, np.log(x.attempts)
    logs = p.c0 + p.c1 * size + p.c2 * tries + p.c3 * (size * tries)
    value: Array = np.exp(-np.exp(np.minimum(logs, MOST)))
    return value


LAW = Law(
    name="coverage_compute",
    title="Coverage by compute and attempts (pass@k)",
    formula="ln(-ln q) = c0 + c1 ln(C/1e21) + c2 ln k + c3 ln(C/1e21) ln k",
    citation="Krajewski et al. 2025, arXiv:2512.08894, equation 5",
    params=(
        Param("c0", "1", "level at 1e21 FLOP and one attempt", "real", start=(-0.5, 1.5)),
        Param("c1", "1", "exponent of compute", "real", start=(-0.3, -0.05)),
        Param("c2", "1", "exponent of attempts", "real", start=(-0.5, -0.1)),
        Param("c3", "1", "compute on the exponent of attempts", "real", start=(-0.02, 0.02)),
    ),
    inputs=("flops", "attempts"),
    predict=predict,
    target="accuracy",
    link="linear",
    delta=1e-2,
    span=(0.0, 1.0),
    needs=(
        Input("flops", "FLOP", "training compute", typical=(1e19, 1e23)),
        Input(
            "attempts", "attempts", "k, attempts a problem", low=1.0, open_low=False,
            typical=(1.0, 128.0),
        ),
    ),
    kinds=("accuracy", "score"),
    question="attempts",
    assumes="one recipe and ratio of tokens to params; unbiased pass@k of answers that are checked",
    fails="runs at the level of guessing; k near the number of trials",
    simulated=True,
)  # fmt: skip
