"""One fit and 4,000 resamples in a fresh process: peak memory after each step, as JSON.

python -m benchmarks.fit_speed.memory
"""

from __future__ import annotations

import json
import re
import resource
import time
from pathlib import Path

from benchmarks.fit_speed.points import chinchilla
from scaling.fitting.engine import fit


def peak() -> float:
    """Largest resident memory of this process so far, MB.

    getrusage alone would count the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (found,) = re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())
        return int(found) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    seen = {"imports": peak()}
    points = chinchilla()
    seen["reading the points"] = peak()
    fit(points, "chinchilla")
    seen["global fit"] = peak()
    from scaling.fitting.solver import compiled  # noqa: F401

    seen["importing numba"] = peak()
    fit(points, "chinchilla", resamples=4_000, cluster="row")
    seen["4,000 resamples"] = peak()
    print(json.dumps({"peak": seen, "seconds": time.process_time()}))


if __name__ == "__main__":
    main()
