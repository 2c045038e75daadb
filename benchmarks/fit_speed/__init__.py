"""How fast fits and resamples are, and how their cost grows, against SciPy timed in the same run.

    python -m benchmarks.fit_speed [--full] [--out docs/benchmarks/fit_speed.md]

All times are CPU seconds of one thread, which has to be set before numpy is imported: here.
"""

import os

for _name in ("OPENBLAS", "OMP", "MKL", "NUMBA", "POLARS_MAX"):
    os.environ[f"{_name}_THREADS" if _name == "POLARS_MAX" else f"{_name}_NUM_THREADS"] = "1"
