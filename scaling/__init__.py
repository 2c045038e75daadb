"""Scaling-law forecasts that can be reproduced.

>>> import polars as pl, scaling
>>> runs = pl.DataFrame({"params": [...], "tokens": [...], "loss": [...]})
>>> scaling.fit(runs, "chinchilla", resamples=1000).values
>>> scaling.forecast(runs, pl.DataFrame({"params": [7e10], "tokens": [1.4e12]}))
>>> scaling.backtest(runs)
>>> scaling.discover(runs)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scaling._exports import lazily

if TYPE_CHECKING:
    from scaling.errors import InputError
    from scaling.fitting.engine import fit
    from scaling.fitting.result import Fit
    from scaling.fitting.solver.objective import Objective
    from scaling.fitting.solver.space import Box, Prior
    from scaling.forecasting.backtest import backtest
    from scaling.forecasting.discovery import discover
    from scaling.forecasting.engine import forecast

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

__version__ = "0.2.0"
__all__ = [
    "Box",
    "Fit",
    "InputError",
    "Objective",
    "Prior",
    "backtest",
    "discover",
    "fit",
    "forecast",
]

# Where each name of the Python interface is defined; the imports above say the same to editors.
_HOMES = {
    "Box": "scaling.fitting.solver.space",
    "Fit": "scaling.fitting.result",
    "InputError": "scaling.errors",
    "Objective": "scaling.fitting.solver.objective",
    "Prior": "scaling.fitting.solver.space",
    "backtest": "scaling.forecasting.backtest",
    "discover": "scaling.forecasting.discovery",
    "fit": "scaling.fitting.engine",
    "forecast": "scaling.forecasting.engine",
}


# Functions of tables read units as the command line does.
_ENTRANCES = dict.fromkeys(("backtest", "fit", "forecast"), ("scaling.runs.counts", "reading"))


__getattr__, __dir__ = lazily(__name__, _HOMES, _ENTRANCES)
