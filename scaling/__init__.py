"""Scaling-law forecasts that can be reproduced.

>>> import scaling
>>> runs = "runs.csv"  # or a polars, pandas or pyarrow table, or a dict of columns
>>> model = scaling.fit(runs, "chinchilla")
>>> model.plot()
>>> scaling.forecast(runs, params="70B", tokens="1.4T")
>>> scaling.plan.optimal(model, flops=1e24)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scaling._exports import lazily

if TYPE_CHECKING:
    from scaling import laws, plan
    from scaling._version import __version__ as __version__
    from scaling.api.backtest import backtest
    from scaling.api.compare import compare
    from scaling.api.discover import discover
    from scaling.api.exponents import exponents
    from scaling.api.fit import fit
    from scaling.api.forecast import forecast
    from scaling.api.saved import load
    from scaling.api.versions import read_version
    from scaling.api.watch import watch
    from scaling.errors import InputError
    from scaling.fitting.result import Fit
    from scaling.fitting.solver.objective import Objective
    from scaling.fitting.solver.space import Box, Prior

# One BLAS thread: the systems here are tiny, and results must not depend on the core count.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# Nor on the kind of processor: OpenBLAS and Numba's compiler order sums by it, and so give other
# last digits. These choices run on whatever has AVX2:
# docs/decisions/021-one-kind-of-linear-algebra.md.
try:
    if {"avx2", "fma"} <= set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split()):
        os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
        os.environ.setdefault("NUMBA_CPU_NAME", "haswell")
except (OSError, UnicodeDecodeError):
    pass

__all__ = [
    "Box",
    "Fit",
    "InputError",
    "Objective",
    "Prior",
    "backtest",
    "compare",
    "discover",
    "exponents",
    "fit",
    "forecast",
    "laws",
    "load",
    "plan",
    "read_version",
    "watch",
]

# Where each name of the Python interface is defined; the imports above say the same to editors.
_HOMES = {
    "__version__": "scaling._version",
    "Box": "scaling.fitting.solver.space",
    "Fit": "scaling.fitting.result",
    "InputError": "scaling.errors",
    "Objective": "scaling.fitting.solver.objective",
    "Prior": "scaling.fitting.solver.space",
    "backtest": "scaling.api.backtest",
    "compare": "scaling.api.compare",
    "discover": "scaling.api.discover",
    "exponents": "scaling.api.exponents",
    "fit": "scaling.api.fit",
    "forecast": "scaling.api.forecast",
    "laws": "scaling.laws",
    "load": "scaling.api.saved",
    "plan": "scaling.plan",
    "read_version": "scaling.api.versions",
    "watch": "scaling.api.watch",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
