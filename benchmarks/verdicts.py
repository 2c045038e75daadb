"""How often the verdict on emergence is right: python -m benchmarks.verdicts [STUDIES]

Forty scales over six decades and two points of noise; the largest three tenths of log scale are
forecast. Prints counts of each verdict; 25 studies a shape take about 90 CPU seconds.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import numpy as np

from scaling.analysis.emergence import Verdict, emergence

SCALES = np.geomspace(1e18, 1e24, 40)
NOISE = 0.02
SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "smooth": lambda x: np.exp(-np.exp(np.log(1.5e8) - 0.4 * np.log(x))),
    "broken": lambda x: 0.05 + 0.18 * np.maximum(0.0, np.log10(x) - 20.5),
    "flat": lambda x: np.full(len(x), 0.2),
}


def verdicts(shape: str, studies: int) -> list[Verdict]:
    """Verdicts on simulated studies of one shape, one a seed."""
    found = []
    for seed in range(studies):
        noise = NOISE * np.random.default_rng(seed).standard_normal(len(SCALES))
        score = np.clip(SHAPES[shape](SCALES) + noise, 0.0, 1.0)
        found.append(emergence(SCALES, score).verdict)
    return found


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    for name in SHAPES:
        print(name, {str(k): n for k, n in Counter(verdicts(name, count)).items()})
