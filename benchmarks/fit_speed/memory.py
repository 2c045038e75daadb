"""One fit and 4,000 resamples in a fresh process: peak memory after each step, as JSON.

python -m benchmarks.fit_speed.memory
"""

from __future__ import annotations

import json
import resource
import time

import scaling
from benchmarks.fit_speed.points import chinchilla
from scaling.fit import bootstrap, engine, newton  # noqa: F401  (imports are a step of their own)


def peak() -> float:
    """Largest resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    seen = {"imports": peak()}
    points = chinchilla()
    seen["reading the points"] = peak()
    scaling.fit(points, "chinchilla")
    seen["global fit"] = peak()
    from scaling.fit import compiled  # noqa: F401

    seen["importing numba"] = peak()
    scaling.fit(points, "chinchilla", resamples=4_000, cluster="row")
    seen["4,000 resamples"] = peak()
    print(json.dumps({"peak": seen, "seconds": time.process_time()}))


if __name__ == "__main__":
    main()
